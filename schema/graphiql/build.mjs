// Writes static/: GraphiQL as one script and one sheet, addressed by the hash of their content.
//
// GraphiQL 4 and not 5: it is 1.5 MB, not 5.4, and needs no workers and no patches; 5 brings a Monaco that is pinned to 0.52.2.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as esbuild from 'esbuild';

const BASE = '/graphiql/';
const OUT = 'static';

// GraphiQL's sheet carries 350 kB of web fonts; the system's fonts do as well.
const systemFonts = {
  name: 'system-fonts',
  setup(build) {
    build.onLoad({ filter: /graphiql\/dist\/style\.css$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replace(/@font-face\s*\{[^}]*\}/g, ''),
      loader: 'css',
    }));
  },
};

// The address of a written file; a changed file has a new address, so that browsers may keep it for ever.
function address(name) {
  const hash = createHash('sha256').update(readFileSync(join(OUT, name))).digest('hex');
  return `${BASE}${name}?v=${hash.slice(0, 12)}`;
}

// One text for all packages that share it, word for word.
function licences(metafile) {
  const packages = new Set();
  for (const input of Object.keys(metafile.inputs)) {
    const folder = input.match(/^.*node_modules\/(@[^/]+\/)?[^/]+/)?.[0];
    if (folder) packages.add(folder);
  }
  const texts = new Map();
  for (const folder of [...packages].sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder).filter(file => /^(licen[cs]e|copying|notice|thirdpartynotices)/i.test(file)).sort();
    const text = files.map(file => readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()).join('\n\n');
    const key = text || `(${license}; the package carries no text)`;
    texts.set(key, [...(texts.get(key) ?? []), `${name} ${version}`]);
  }
  return [...texts].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`).join(`\n${'-'.repeat(80)}\n\n`);
}

rmSync(OUT, { recursive: true, force: true });
mkdirSync(OUT);

const { metafile } = await esbuild.build({
  entryPoints: { graphiql: 'main.jsx' },
  outdir: OUT,
  bundle: true,
  minify: true,
  metafile: true,
  format: 'iife',
  target: 'es2022',
  jsx: 'automatic',
  mainFields: ['browser', 'module', 'main'],
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none', // LICENSES.txt has the whole texts
  plugins: [systemFonts],
});
writeFileSync(join(OUT, 'LICENSES.txt'), licences(metafile));
writeFileSync(join(OUT, 'index.html'), readFileSync('index.html', 'utf8').replace(/\{\{(.+?)\}\}/g, (_, name) => address(name)));

for (const name of readdirSync(OUT)) console.log(`${(readFileSync(join(OUT, name)).length / 1000).toFixed(0).padStart(6)} kB  ${name}`);
