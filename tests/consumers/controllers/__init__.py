"""The controllers, each a class of its own."""

from typing import Final

from tests.consumers.controller import Controller
from tests.consumers.controllers.prometheus_operator import PrometheusOperator
from tests.consumers.controllers.source_controller import SourceController

CONTROLLERS: Final[tuple[type[Controller], ...]] = (PrometheusOperator, SourceController)
