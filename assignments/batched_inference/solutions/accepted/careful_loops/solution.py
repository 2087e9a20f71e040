"""Plain loops and long names."""

import numpy as np
import torch


def resolve_device(preference="auto"):
    cuda_is_there = torch.cuda.is_available()
    mps_is_there = torch.backends.mps.is_available()
    if preference == "auto":
        if cuda_is_there:
            return torch.device("cuda")
        elif mps_is_there:
            return torch.device("mps")
        else:
            return torch.device("cpu")
    device = torch.device(preference)
    if device.type == "cuda" and not cuda_is_there:
        raise RuntimeError("cuda is not available")
    if device.type == "mps" and not mps_is_there:
        raise RuntimeError("mps is not available")
    return device


class BatchPredictor:
    def __init__(self, model, *, batch_size=32, device="auto"):
        if batch_size < 1:
            raise ValueError("batch_size must be at least 1")
        self.model = model
        self.batch_size = batch_size
        self.device = resolve_device(device)
        self.model = self.model.to(self.device)

    def make_one_tensor(self, list_of_rows):
        tensors = []
        for row in list_of_rows:
            if isinstance(row, torch.Tensor):
                tensors.append(row)
            else:
                tensors.append(torch.tensor(np.array(row)))
        return torch.stack(tensors)

    def match_dtype(self, tensor):
        if not torch.is_floating_point(tensor):
            return tensor
        for parameter in self.model.parameters():
            if torch.is_floating_point(parameter):
                return tensor.type(parameter.dtype)
        return tensor

    def run_model(self, *tensors_on_cpu):
        tensors_on_device = []
        for tensor in tensors_on_cpu:
            tensors_on_device.append(tensor.to(self.device))
        old_modes = {}
        for name, module in self.model.named_modules():
            old_modes[name] = module.training
        self.model.eval()
        try:
            with torch.no_grad():
                output = self.model(*tensors_on_device)
        finally:
            for name, module in self.model.named_modules():
                module.training = old_modes[name]
        return output.cpu()

    def run_with_retry(self, tensor):
        outputs = []
        start = 0
        while start < tensor.shape[0]:
            end = min(start + self.batch_size, tensor.shape[0])
            output = None
            try:
                output = self.run_model(self.match_dtype(tensor[start:end]))
            except torch.OutOfMemoryError:
                if self.batch_size == 1:
                    raise
            if output is None:
                self.batch_size = self.batch_size // 2
            else:
                outputs.append(output)
                start = end
        return outputs

    def predict(self, inputs):
        if isinstance(inputs, np.ndarray):
            inputs = torch.tensor(inputs.copy())
        if len(inputs) == 0:
            return torch.empty(0)
        if not isinstance(inputs, torch.Tensor):
            inputs = self.make_one_tensor(inputs)
        return torch.cat(self.run_with_retry(inputs), dim=0)

    def predict_iter(self, inputs):
        rows = []
        for row in inputs:
            rows.append(row)
            if len(rows) >= self.batch_size:
                for output in self.run_with_retry(self.make_one_tensor(rows)):
                    yield output
                rows = []
        if len(rows) > 0:
            for output in self.run_with_retry(self.make_one_tensor(rows)):
                yield output

    def predict_sequences(self, sequences, *, pad_value=0.0):
        if len(sequences) == 0:
            return torch.empty(0)
        indices = list(range(len(sequences)))
        indices.sort(key=lambda index: sequences[index].shape[0])
        output_of_index = {}
        for start in range(0, len(indices), self.batch_size):
            group = indices[start : start + self.batch_size]
            longest = sequences[group[-1]].shape[0]
            shape = (len(group), longest) + tuple(sequences[group[0]].shape[1:])
            padded = torch.zeros(shape, dtype=sequences[group[0]].dtype)
            padded[:] = pad_value
            lengths = []
            for position, index in enumerate(group):
                length = sequences[index].shape[0]
                padded[position, :length] = sequences[index]
                lengths.append(length)
            output = self.run_model(self.match_dtype(padded), torch.tensor(lengths))
            for position, index in enumerate(group):
                output_of_index[index] = output[position]
        return torch.stack([output_of_index[index] for index in range(len(sequences))])
