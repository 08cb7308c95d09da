"""A causal transformer over sequences of item codes: the network, and its training with sampled softmax."""

import copy
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

AVERAGE = 0.99
"""Decay of the moving average of the weights, per step; less in the first steps."""
HELD = 4000
"""At most so many sequences, and at most one in five, give their last item to early stopping."""
EVERY, PATIENCE = 2, 3
"""Epochs between evaluations, and evaluations without a better one after which training stops."""
BLOCK = 512
"""Sequences read at once outside of training."""


@dataclass(frozen=True)
class Shape:
    """`max_length` is how many of the newest items are read."""

    width: int = 128
    blocks: int = 2
    heads: int = 2
    dropout: float = 0.3
    temperature: float = 0.07
    max_length: int = 50


@dataclass(frozen=True)
class Training:
    """`negatives` are drawn for each batch of `batch` sequences. Without `epochs` it is stopped early, after `seconds` always."""

    negatives: int = 1024
    batch: int = 256
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    epochs: int | None = None
    max_epochs: int = 100
    seconds: float = 600.0
    seed: int = 7


class Transformer(nn.Module):
    """Pre-norm gated blocks (LiGR: Borisyuk et al., "From Features to Transformers", 2025) over tied item embeddings.

    `features` (items, dimensions) are added to the embeddings through a linear map. Scores are cosines over the temperature.
    """

    features: Tensor

    def __init__(self, n_items: int, shape: Shape, features: Tensor | None = None) -> None:
        super().__init__()
        self.shape = shape
        scale = 1 / math.sqrt(shape.width)
        self.item = nn.Embedding(n_items, shape.width)
        nn.init.normal_(self.item.weight, std=scale)
        self.place = nn.Embedding(shape.max_length, shape.width)
        nn.init.normal_(self.place.weight, std=0.02)
        self.register_buffer("features", torch.zeros(n_items, 0) if features is None else features)
        dimensions = self.features.shape[1]
        self.read = nn.Linear(dimensions, shape.width, bias=False) if dimensions else None
        if self.read is not None:
            nn.init.normal_(self.read.weight, std=scale / math.sqrt(dimensions))
        self.layers = nn.ModuleList([Block(shape) for _ in range(shape.blocks)])
        self.norm = nn.RMSNorm(shape.width)

    def embedded(self, items: Tensor | None = None) -> Tensor:
        """Embeddings of item codes, of all items without them: (items, width)."""
        own = self.item.weight if items is None else self.item(items)
        if self.read is None:
            return own
        mapped: Tensor = self.read(self.features if items is None else self.features[items])
        return own + mapped

    def forward(self, embedded: Tensor) -> Tensor:
        """From embedded sequences (users, length, width), padded at the end, to what each place expects next, of length 1."""
        read = embedded + self.place.weight[: embedded.shape[1]]
        read = dropped(read, self.shape.dropout, self.training)
        for layer in self.layers:
            read = layer(read)
        return functional.normalize(self.norm(read), dim=-1)


class Block(nn.Module):
    """Self-attention and SwiGLU, each added through a sigmoid gate of its input."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        width, inner = shape.width, 2 * shape.width
        self.heads, self.dropout = shape.heads, shape.dropout
        self.attention_norm, self.feed_norm = nn.RMSNorm(width), nn.RMSNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.up, self.gate = nn.Linear(width, inner, bias=False), nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)
        self.attention_gate, self.feed_gate = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, read: Tensor) -> Tensor:
        users, length, width = read.shape
        parts = self.query_key_value(self.attention_norm(read)).view(users, length, 3, self.heads, width // self.heads)
        query, key, value = parts.permute(2, 0, 3, 1, 4).float()  # attention over few items is faster in 32 bits on a CPU
        seen = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
        out = self.out(seen.transpose(1, 2).reshape(users, length, width))
        read = read + dropped(out, self.dropout, self.training) * torch.sigmoid(self.attention_gate(read))
        normed = self.feed_norm(read)
        fed = self.down(functional.silu(self.gate(normed)) * self.up(normed))
        return read + dropped(fed, self.dropout, self.training) * torch.sigmoid(self.feed_gate(read))


def dropped(values: Tensor, share: float, training: bool) -> Tensor:
    """Dropout. On a CPU a comparison of uniform numbers takes half the time of torch's own."""
    return values * ((torch.rand(values.shape) >= share) / (1 - share)) if training else values


def train(
    sequences: Sequence[NDArray[np.int32]],
    n_items: int,
    shape: Shape,
    training: Training,
    features: NDArray[np.float32] | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Transformer, int]:
    """A network in its averaged weights, and the epochs it was trained for; never trained where no sequence has two items.

    Without `training.epochs` some last items are set aside, and the epoch with the best NDCG on them is returned.
    """
    started = time.monotonic()
    torch.manual_seed(training.seed)
    rng = np.random.default_rng(training.seed)
    held = _held(sequences, rng) if training.epochs is None else np.zeros(0, np.int64)
    rows = list(sequences)
    for n in held:
        rows[n] = rows[n][:-1]
    asked, targets = [rows[n] for n in held], np.array([sequences[n][-1] for n in held], np.int64)
    windows = _windows(rows, shape.max_length)
    network = Transformer(n_items, shape, None if features is None else torch.from_numpy(_standardised(features)))
    bought = torch.from_numpy(np.unique(np.concatenate([np.zeros(0, np.int32), *windows]))).long()
    with torch.no_grad():  # of an item that nobody bought, its features alone are known
        network.item.weight[np.setdiff1d(np.arange(n_items), bought)] = 0
    average = copy.deepcopy(network)
    optimizer, warm_up = _optimizer(network, training), max(len(windows) // training.batch, 1)
    best, best_epoch, worse, step = -1.0, 0, 0, 0
    kept = copy.deepcopy(average.state_dict())
    for epoch in range(1, (training.epochs or training.max_epochs) + 1 if windows else 1):
        network.train()
        for batch in _batches(windows, training.batch, rng):
            for group in optimizer.param_groups:
                group["lr"] = training.learning_rate * min(1.0, (step + 1) / warm_up)
            loss = _loss(network, batch, bought[torch.randint(len(bought), (training.negatives,))], len(bought))
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            _follow(average, network, min(AVERAGE, step / (step + 10)))
            if time.monotonic() - started > training.seconds:
                break
        late = time.monotonic() - started > training.seconds
        if len(held) and not (late or epoch % EVERY == 0):
            continue
        found = _ndcg(average, asked, targets) if len(held) else float(epoch)
        worse = 0 if found > best else worse + 1
        if found > best:
            best, best_epoch = found, epoch
            kept = copy.deepcopy(average.state_dict())
        if progress and len(held):
            progress(f"epoch {epoch}: NDCG {found:.4f} on {len(held):,} held-out items")
        if late or worse == PATIENCE:
            break
    network.load_state_dict(kept)
    return network.eval(), best_epoch


@torch.no_grad()
def expected(network: Transformer, sequences: Sequence[NDArray[np.int32]]) -> Tensor:
    """What each sequence expects next, as a direction (sequences, width); no sequence may be empty."""
    table = network.embedded()
    found = torch.zeros(len(sequences), network.shape.width)
    order = np.argsort([len(row) for row in sequences], kind="stable")
    for start in range(0, len(order), BLOCK):
        block = order[start : start + BLOCK]
        newest = [sequences[n][-network.shape.max_length :] for n in block]
        items = _padded(newest)
        read = network(table[items.clamp(min=0)])
        found[torch.from_numpy(block)] = read[torch.arange(len(newest)), torch.tensor([len(row) - 1 for row in newest])]
    return found


@torch.no_grad()
def table(network: Transformer) -> Tensor:
    """The items' directions over the temperature (items, width), to be multiplied with what a sequence expects."""
    return functional.normalize(network.embedded(), dim=-1) / network.shape.temperature


def _loss(network: Transformer, rows: list[NDArray[np.int32]], drawn: Tensor, n_items: int) -> Tensor:
    """Softmax cross-entropy of each next item against items `drawn` uniformly from `n_items`.

    The drawn stand for all n, so log(n / drawn) is added to their scores (Bengio and Senecal, "Adaptive Importance Sampling
    to Accelerate Training of a Neural Probabilistic Language Model", 2008): the loss tends to that over all items.
    """
    items = _padded(rows)
    before, after = items[:, :-1], items[:, 1:]
    real = after >= 0
    codes, places = torch.unique(torch.cat([before.clamp(min=0).flatten(), after[real], drawn]), return_inverse=True)
    read_at, right_at, drawn_at = places.split([before.numel(), int(real.sum()), len(drawn)])
    with torch.autocast("cpu", torch.bfloat16, enabled=bool(torch.cpu.get_capabilities().get("avx512_bf16"))):
        embedded = network.embedded(codes)
        states = network(embedded[read_at].view(*before.shape, -1))[real]
        directions = functional.normalize(embedded, dim=-1)
        right = (states * directions[right_at]).sum(-1, keepdim=True)
        wrong = states @ directions[drawn_at].T
    cosines = torch.cat([right, wrong], 1).float() / network.shape.temperature
    shift = torch.full((1, len(drawn) + 1), math.log(n_items / len(drawn)))
    shift[0, 0] = 0
    same = functional.pad(after[real][:, None] == drawn, (1, 0))
    return functional.cross_entropy((cosines + shift).masked_fill(same, -1e9), torch.zeros(len(cosines), dtype=torch.long))


def _ndcg(network: Transformer, sequences: list[NDArray[np.int32]], targets: NDArray[np.int64]) -> float:
    """Mean of 1 / log2(1 + rank of the target) among all items that are not in the sequence."""
    network.eval()
    items, found = table(network), []
    for start in range(0, len(sequences), BLOCK):
        block, right = sequences[start : start + BLOCK], torch.from_numpy(targets[start : start + BLOCK])
        scores = expected(network, block) @ items.T
        own = scores.gather(1, right[:, None])
        for row, sequence in enumerate(block):
            scores[row, torch.from_numpy(sequence).long()] = -math.inf
        found.append(1 / torch.log2(2 + (scores > own).sum(1)))
    return float(torch.cat(found).mean())


@torch.no_grad()
def _follow(average: Transformer, network: Transformer, decay: float) -> None:
    for slow, fast in zip(average.parameters(), network.parameters(), strict=True):
        slow.lerp_(fast, 1 - decay)


def _optimizer(network: Transformer, training: Training) -> torch.optim.AdamW:
    """AdamW; only matrices and embeddings decay, not norms, biases and places."""
    groups: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in network.named_parameters():
        groups[parameter.dim() > 1 and name != "place.weight"].append(parameter)
    decays = [{"params": groups[True], "weight_decay": training.weight_decay}, {"params": groups[False], "weight_decay": 0.0}]
    return torch.optim.AdamW(decays, lr=training.learning_rate, betas=(0.9, 0.98), fused=True)


def _held(sequences: Sequence[NDArray[np.int32]], rng: np.random.Generator) -> NDArray[np.int64]:
    """Sequences whose last item is set aside: new to them, and after at least two others."""
    fit = [n for n, row in enumerate(sequences) if len(row) > 2 and row[-1] not in row[:-1]]
    return rng.permutation(np.array(fit, np.int64))[: min(HELD, len(sequences) // 5)]


def _windows(rows: Sequence[NDArray[np.int32]], max_length: int) -> list[NDArray[np.int32]]:
    """Pieces of at most `max_length` + 1 items, each next beginning at the last of the one before, the newest pieces full."""
    found = []
    for row in rows:
        ends = range(len(row), 1, -max_length)
        found += [row[max(end - max_length - 1, 0) : end] for end in ends]
    return found


def _batches(rows: list[NDArray[np.int32]], size: int, rng: np.random.Generator) -> Iterator[list[NDArray[np.int32]]]:
    """Batches in random order, each of rows of like length, which ones changing by the epoch."""
    order = rng.permutation(len(rows))
    order = order[np.argsort([len(rows[n]) for n in order], kind="stable")]
    starts = np.arange(0, len(order), size)
    for start in rng.permutation(starts):
        yield [rows[n] for n in order[start : start + size]]


def _padded(rows: Sequence[NDArray[np.int32]]) -> Tensor:
    """Codes (rows, greatest length), -1 behind the end of a row."""
    padded = np.full((len(rows), max(map(len, rows))), -1, np.int64)
    for n, row in enumerate(rows):
        padded[n, : len(row)] = row
    return torch.from_numpy(padded)


def _standardised(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean 0 in each dimension, deviation 1 over all."""
    centred = features - features.mean(axis=0)
    return np.asarray(centred / max(float(centred.std()), 1e-6), np.float32)
