"""The promises of every dataset, model and task, and the search for breaches."""

from benchmark.contracts.card import card
from benchmark.contracts.contract import Contract, Finding, examine, one_thread
from benchmark.contracts.dataset_contract import OF_DATASETS, DatasetCase
from benchmark.contracts.function_contract import OF_FUNCTIONS, FunctionCase
from benchmark.contracts.model_contract import OF_MODELS, ModelCase
from benchmark.contracts.picture import picture
from benchmark.contracts.task_contract import OF_TASKS, TaskCase

__all__ = [
    "OF_DATASETS",
    "OF_FUNCTIONS",
    "OF_MODELS",
    "OF_TASKS",
    "Contract",
    "DatasetCase",
    "Finding",
    "FunctionCase",
    "ModelCase",
    "TaskCase",
    "card",
    "examine",
    "one_thread",
    "picture",
]
