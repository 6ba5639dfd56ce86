"""The Kubernetes API: the only room that imports the kubernetes library.

Here: calls and watches, the lease and the fence, events, and Secrets and pods as pure values. Not here: what is done
about them.

The library's packages import everything they contain: besides the asynchronous client a synchronous one with an HTTP
library of its own. None of that is used here, and it costs 8 MiB and a tenth of the start-up time. So the packages are
registered without running their imports; their modules can still be imported. kopf would import the synchronous client
to recognize its objects, of which it is given none; that costs as much again.
"""

import sys
from importlib.util import find_spec, module_from_spec

for _name in ("kubernetes", "kubernetes.aio", "kubernetes.aio.config"):
    _spec = find_spec(_name)
    if _name not in sys.modules and _spec is not None:
        sys.modules[_name] = module_from_spec(_spec)
        _above, _, _last = _name.rpartition(".")
        if _above:
            # As an import does: the library finds its models through `kubernetes.aio.client.models`.
            setattr(sys.modules[_above], _last, sys.modules[_name])

sys.modules.setdefault("kubernetes.client", None)  # type: ignore[arg-type]  # importing it fails as if it were missing
