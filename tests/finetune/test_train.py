"""Protects training: a shared prefix must give what whole rows give, and a run must leave an adapter that can be loaded.
Run: pytest tests/finetune/test_train.py"""

import json
import re
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedTokenizerFast

import agent
from agent.prompts import SYSTEM
from agent.toolbox import parameters
from agent.weights import adapter_hash
from finetune.packing import IGNORED, Encoded, batches, encode, specifications
from finetune.train import BASE_NAME, PrefixTrainer, collate, train

LINES = [
    ("any milk?", "recommend", {"query": "milk"}),
    ("what do you know about me", "show_profile", {}),
    ("no pork", "set_preference", {"topic": "pork", "likes": False}),
]


def messages(line: str, tool: str, arguments: dict[str, object]) -> list[dict[str, object]]:
    call = {"type": "function", "function": {"name": tool, "arguments": arguments}}
    return [
        {"role": "system", "content": SYSTEM["shopper"]},
        {"role": "user", "content": line},
        {"role": "assistant", "content": "", "tool_calls": [call]},
    ]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_base("llama", tmp_path_factory.mktemp("llama"))


def tiny_base(kind: str, folder: Path) -> Path:
    """A tiny random model of the kind with a tokenizer of bytes and the served chat template."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate(["<|im_start|>", "<|im_end|>", *alphabet])}
    bare = Tokenizer(models.BPE(vocabulary, merges=[]))
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bare, pad_token="<|im_end|>", eos_token="<|im_end|>", additional_special_tokens=["<|im_start|>"]
    )
    tokenizer.chat_template = (Path(agent.__file__).parent / "chat_template.jinja").read_text()
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        tie_word_embeddings=True,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast.from_pretrained(base)


def test_the_assistant_alone_is_learned(tokenizer: PreTrainedTokenizerFast) -> None:
    encoded = encode(messages(*LINES[0]), specifications("shopper"), tokenizer)
    learned = tokenizer.decode([token for token in encoded.labels if token != IGNORED])
    assert learned == '<tool_call>{"name": "recommend", "arguments": {"query": "milk"}}</tool_call><|im_end|>'
    prefix = tokenizer.decode(list(encoded.prefix))
    assert prefix.startswith("<|im_start|>system\nYou are Inkling")
    assert prefix.endswith("read_reviews(about): what buyers say<|im_end|>\n")
    assert "recommend(query?, max_price?, only_new?, k?): find products to suggest" in prefix


def test_a_dialogue_without_an_answer_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    with pytest.raises(ValueError, match="nothing to learn"):
        encode(messages(*LINES[0])[:2], specifications("shopper"), tokenizer)


@pytest.mark.parametrize("kind", ["llama", "qwen3"])
def test_a_shared_prefix_gives_the_loss_and_gradients_of_whole_rows(
    kind: str, tokenizer: PreTrainedTokenizerFast, tmp_path: Path
) -> None:
    encoded = [encode(messages(*line), specifications("shopper"), tokenizer) for line in LINES]
    model = AutoModelForCausalLM.from_pretrained(tiny_base(kind, tmp_path))
    sums, learned = torch.zeros(()), 0
    for dialogue in encoded:
        ids = torch.tensor([[*dialogue.prefix, *dialogue.ids]])
        labels = torch.tensor([[*[IGNORED] * len(dialogue.prefix), *dialogue.labels]])
        count = int((labels != IGNORED).sum())
        sums, learned = sums + model(input_ids=ids, labels=labels).loss * count, learned + count
    (sums / learned).backward()
    apart = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    together = PrefixTrainer.loss(model, collate(encoded, tokenizer.pad_token_id or 0))
    together.backward()
    assert together.item() == pytest.approx((sums / learned).item(), rel=1e-4)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(parameter.grad, apart[name], rtol=1e-3, atol=1e-5)


def test_batches_share_a_prefix_and_hold_every_dialogue_once() -> None:
    made = [Encoded((role,), [n] * (1 + n % 7), [n] * (1 + n % 7)) for role in (1, 2) for n in range(40)]
    found = batches(made, tokens=30, seed=1)
    assert sorted(id(dialogue) for batch in found for dialogue in batch) == sorted(map(id, made))
    for batch in found:
        assert len({dialogue.prefix for dialogue in batch}) == 1
        assert len(batch) * max(len(dialogue.ids) for dialogue in batch) <= 30
    assert found == batches(made, tokens=30, seed=1)


def test_a_run_learns_and_leaves_an_adapter(base: Path, tmp_path: Path) -> None:
    rows = [{"role": "shopper", "messages": messages(*LINES[n % 3])} for n in range(60)]
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    summary = train(data, base, tmp_path / "adapter", epochs=20, learning_rate=2e-2)
    assert summary["log"][-1]["loss"] < 0.95 * summary["log"][0]["loss"]
    assert json.loads((tmp_path / "adapter" / "training.json").read_text()) == summary
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == BASE_NAME
    loaded = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), tmp_path / "adapter")
    assert any(parameter.abs().sum() > 0 for name, parameter in loaded.named_parameters() if "lora_B" in name)

    further = train(data, base, tmp_path / "further", learning_rate=1e-2, start=tmp_path / "adapter")
    assert further["from"] == adapter_hash(tmp_path / "adapter")
    assert json.loads((tmp_path / "further" / f"training-{further['from']}.json").read_text()) == summary
    assert further["log"][0]["loss"] < 0.97 * summary["log"][0]["loss"]


def test_a_mean_with_the_adapter_gone_on_from_lies_between_the_two(base: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps({"role": "shopper", "messages": messages(*LINES[n % 3])}) + "\n" for n in range(30)))
    first, second, mean = (tmp_path / name for name in ("first", "second", "mean"))
    train(data, base, first, learning_rate=1e-2)
    train(data, base, second, learning_rate=1e-2, start=first)
    whole = train(data, base, mean, learning_rate=1e-2, start=first)
    assert train(data, base, mean, learning_rate=1e-2, start=first, keep=0.75) == whole | {"keep": 0.75}
    weights = [load_file(folder / "adapter_model.safetensors") for folder in (first, second, mean)]
    moved = 0.0
    for name, before in weights[0].items():
        after, between = weights[1][name].float(), weights[2][name].float()
        torch.testing.assert_close(between, 0.75 * before.float() + 0.25 * after, rtol=1e-2, atol=1e-4)
        moved += float((after - before.float()).abs().sum())
    assert moved > 1


@pytest.mark.parametrize(("keep", "start"), [(0.5, False), (1.0, True), (-0.1, True)])
def test_a_share_to_keep_that_makes_no_mean_is_refused(keep: float, start: bool, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"keep is {keep:g}"):
        train(tmp_path / "none.jsonl", tmp_path, tmp_path, start=tmp_path if start else None, keep=keep)


def test_a_stopped_run_goes_on_from_its_checkpoint(base: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text("".join(json.dumps({"role": "shopper", "messages": messages(*LINES[n % 3])}) + "\n" for n in range(30)))
    said: list[str] = []

    def stop(message: str) -> None:
        said.append(message)
        if len(said) == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, base, tmp_path / "adapter", epochs=4, progress=stop)
    again: list[str] = []
    summary = train(data, base, tmp_path / "adapter", epochs=4, name="Some/Base-4B", progress=again.append)
    steps = summary["steps"]
    assert 1 < int(again[0].split()[1]) <= 6
    assert re.fullmatch(rf"step {steps} of {steps}, \d+ tokens/s, 0 min left", again[-1])
    assert json.loads((tmp_path / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == "Some/Base-4B"


def test_tool_lines_come_from_the_served_schemas() -> None:
    assert specifications("merchant")[0]["function"]["parameters"] == parameters("build_audience")
