"""The process of a function: loads the handler, then answers requests until it is told to stop."""
import os
import signal
import sys
import threading
import time

from function import handler
from server import FunctionServer, Settings

LAME_DUCK_SECONDS = 0.4


def main():
    settings = Settings.read(os.environ)
    server = FunctionServer(handler.handle, settings)

    def stop(_number, _frame):
        threading.Thread(target=drain, args=(server, settings), daemon=True).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print('listening on port %d' % server.server_address[1], flush=True)
    server.serve_forever(poll_interval=0.05)
    server.wait_for_requests(settings.write_timeout)


def drain(server, settings):
    # New requests may still be on their way. They are answered, and told that the connection ends.
    server.is_draining = True
    time.sleep(LAME_DUCK_SECONDS)
    server.shutdown()


if __name__ == '__main__':
    main()
    sys.stdout.flush()
    # Threads of idle connections, and those of the handler, would keep the process alive.
    os._exit(0)
