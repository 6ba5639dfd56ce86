"""The Kubernetes API: the only room that knows the kubernetes library.

Here: calls and watches, the lease and the fence, events, and Secrets and pods as pure values. Not here: what is done
about what they say.

The library's packages import all that they have when they are imported: a synchronous client beside the asynchronous
one, with an HTTP library of its own. Nothing of that is used here, and it is 8 MiB and a tenth of the start. So the
packages are made known without what they import; their modules are found in them all the same.
"""

import sys
from importlib.util import find_spec, module_from_spec

for _name in ("kubernetes", "kubernetes.aio"):
    _spec = find_spec(_name)
    if _name not in sys.modules and _spec is not None:
        sys.modules[_name] = module_from_spec(_spec)
        _above, _, _last = _name.rpartition(".")
        if _above:
            # As an import does: the library finds its models by `kubernetes.aio.client.models`.
            setattr(sys.modules[_above], _last, sys.modules[_name])
