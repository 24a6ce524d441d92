"""serve.py MODULE HOST PORT THREADS: serves MODULE.application with cheroot, in one process.

Keystone and Neutron read sys.argv with oslo.config, so that a server's own arguments would confuse them: it is rewritten.
"""
import importlib
import signal
import sys

from cheroot import wsgi

module, host, port, threads = sys.argv[1:]
sys.argv = [module.split('.')[0] + '-api']
application = importlib.import_module(module).application
server = wsgi.Server((host, int(port)), application, numthreads=int(threads), request_queue_size=128)


def stop(*_):
    raise KeyboardInterrupt


signal.signal(signal.SIGTERM, stop)
try:
    server.start()
except KeyboardInterrupt:
    server.stop()
