"""Real servers for a machine that has none.

Each store whose URL is unset gets a folder under SEGUE_DATA and a *keeper*: a small process that starts the server,
starts it again when it dies, and stops it when nobody uses it any more. Who uses it is a file lock, so the kernel
tells: a command that ends in any way, kill -9 included, has let go.

    SEGUE_DATA/postgres/in-use    shared lock of every command that uses the server; the keeper stops when it is free
    SEGUE_DATA/postgres/keeper    exclusive lock of the keeper
    SEGUE_DATA/postgres/ready     what the keeper writes once the server answers: settings, pids
    SEGUE_DATA/postgres/secret    the server's password, made on first use
    SEGUE_DATA/postgres/data      the server's own files
"""
