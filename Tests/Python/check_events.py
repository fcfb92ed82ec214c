"""Reads an event file with TensorBoard's own loader.

    pip install tensorboard
    python3 Tests/Python/check_events.py FILE

Prints a JSON list with an object for each value, in order: step, tag, plugin, and numbers: a tensor's floats or doubles, or
the lengths of its texts.
"""

import json
import sys

from tensorboard.backend.event_processing import event_file_loader

values = []
# The loader of raw events: what it gives is what the file says.
for event in event_file_loader.LegacyEventFileLoader(sys.argv[1]).Load():
    for value in event.summary.value:
        tensor = value.tensor
        numbers = list(tensor.float_val) + list(tensor.double_val) + [float(len(text)) for text in tensor.string_val]
        values.append(
            {"step": event.step, "tag": value.tag, "plugin": value.metadata.plugin_data.plugin_name, "numbers": numbers}
        )
print(json.dumps(values))
