// The page at /graphql: GraphiQL with the query that the gateway wrote into the page.
import { explorerPlugin } from '@graphiql/plugin-explorer';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import { createRoot } from 'react-dom/client';

import './style.css';

// Subscriptions open their own socket, so one that starts after `login` carries the new cookie.
const socket = new URL('/graphql', location.href);
socket.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';

const request = createGraphiQLFetcher({
  url: '/graphql',
  subscriptionUrl: socket.href,
  fetch: (url, init) => fetch(url, { ...init, credentials: 'same-origin' }),
  enableIncrementalDelivery: false,
});

// On a socket the header editor's content becomes the connection_init payload, where `authorization` is in lower case.
function fetcher(params, options) {
  const headers = Object.entries(options?.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]);
  return request(params, { ...options, headers: Object.fromEntries(headers) });
}

// A link may bring a query (`/graphql?query=…&variables=…`), which is shown and never run by itself. Otherwise the
// gateway's example fills the first visit, and later visits find the tabs as they were left.
function opening() {
  const link = new URLSearchParams(location.search);
  if (link.has('query')) return { query: link.get('query'), variables: link.get('variables') ?? undefined };
  if (localStorage.getItem('graphiql:tabState')) return {};
  return JSON.parse(document.getElementById('segue').textContent);
}

const { query, variables } = opening();

createRoot(document.getElementById('graphiql')).render(
  <GraphiQL
    fetcher={fetcher}
    query={query || undefined}
    variables={variables || undefined}
    defaultQuery=""
    plugins={[explorerPlugin({ showAttribution: false })]}
    inputValueDeprecation
    schemaDescription
  >
    <GraphiQL.Logo>
      <svg className="segue-logo" viewBox="0 0 32 32" aria-hidden="true">
        <path d="M6 22C12 22 12 10 18 10M14 22C20 22 20 10 26 10" />
      </svg>
      Segue
    </GraphiQL.Logo>
  </GraphiQL>,
);
