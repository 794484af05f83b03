# SPDX-License-Identifier: Apache-2.0
"""Makes inputs for `winnow export`, and reads what it wrote as trainers do: see tests/export-check.sh."""

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path

ODD = [
    "plain",
    "a\u2028b\u2029c\u0085d\x0be",
    'say "hi", \\ and \\n\r\n\ttab',
    "\x00\x01\x7f",
    "\U0001f600 \u00e9 e\u0301 \u202eabc\u202c",
    "</think> twice </think>",
    "| a | b |\n|---|---|\n```\n---\n",
    "x" * 200_000,
]


def traces():
    for p in range(60):
        for s in range(4):
            odd = ODD[(p + s) % len(ODD)]
            opened = "" if p % 3 == 0 else "<think>"
            text = opened + odd.split("</think>")[0] + "</think>\n\nstep one\n\nstep two " + odd
            yield {
                "prompt_id": f"\U0001f600{p}" if p % 2 else f"\uff5e{p}",
                "trace_id": f"t{p}-{s}",
                "sample_index": s,
                "prompt": f"What is {p}? " + ODD[p % 5],
                "gold": str(p),
                "text": text,
                "think_end": text.index("</think>") + 8 + sum(1 for c in text[: text.index("</think>")] if ord(c) > 0xFFFF),
                "correct": s % 2 == 0,
                "finish_reason": "stop" if s else "length",
                "model": "me/model",
                "prompt_tokens": 10,
                "completion_tokens": 20 + s,
                "reward": s / 4,
                "advantage": (s - 1.5) / 1.29,
                "group_size": 4,
                "numbers": [p, None, s],
            }


def pairs():
    for p in range(60):
        yield {
            "prompt_id": f"p{p}",
            "messages": [{"role": "system", "content": "S"}, {"role": "user", "content": ODD[p % 6]}],
            "chosen_trace_id": f"a{p}",
            "rejected_trace_id": f"b{p}",
            "chosen": "<think>" + ODD[p % 5] + "</think>right",
            "rejected": "<think>x</think>wrong " + ODD[p % 5],
        }


# Folder: input, options.
SETS = {
    "sft": ("traces", "--format sft --split train=0.8,test=0.2 --shard-size 2MB"),
    "sft-model": ("model", "--format sft --correct-only --license apache-2.0 --language en --name me/sft"),
    "sft-strip": ("traces", "--format sft --thinking strip --columns prompt_id,correct,numbers,reward"),
    "sft-field": ("traces", "--format sft --thinking field --system-prompt Think."),
    "prompt-completion": ("traces", "--format prompt-completion"),
    "prompt-completion-text": ("traces", "--format prompt-completion --style text"),
    "dpo": ("pairs", "--format dpo"),
    "dpo-implicit": ("pairs", "--format dpo --implicit-prompt"),
    "kto": ("traces", "--format kto"),
    "grpo": ("traces", "--format grpo"),
    "grpo-groups": ("traces", "--format grpo-groups"),
    "prm": ("traces", "--format prm --thinking strip"),
    "open-r1": ("traces", "--format open-r1"),
    "verl": ("traces", "--format verl --data-source openai/gsm8k --split train=0.9,test=0.1 --shard-size 4KB"),
    "openrlhf": ("traces", "--format openrlhf"),
    "openrlhf-rl": ("traces", "--format openrlhf-rl"),
    "openrlhf-dpo": ("pairs", "--format openrlhf-dpo"),
    "openrlhf-prm": ("traces", "--format openrlhf-prm --thinking strip"),
    "sharegpt": ("traces", "--format sharegpt"),
}


def make(out):
    for name, rows in (("traces", traces()), ("pairs", pairs())):
        with open(out / f"{name}.jsonl", "w", encoding="utf-8") as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=len(row["prompt_id"]) % 2 == 0) + "\n")
    commands = [
        ["generate", "--prompts", "examples/prompts.jsonl", "--gold-column", "answer", "--model", "examples/model",
         "--out", str(out / "model"), "--limit", "16", "--samples", "4", "--max-tokens", "64", "--verify", "math"]
    ]
    for name, (source, options) in SETS.items():
        for files in ("jsonl", "parquet"):
            place = ["--traces", str(out / "model")] if source == "model" else ["--in", str(out / f"{source}.jsonl")]
            commands.append(
                ["export", *place, *options.split(), "--file-format", files, "--out", str(out / files / name)])
    (out / "commands").write_text("\n".join("\t".join(c) for c in commands) + "\n", encoding="utf-8")


def check_folder(folder):
    """Checksums, rows and features; the rows of all splits by name."""
    import datasets
    from huggingface_hub import DatasetCard

    for line in (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines():
        total, name = line.split("  ", 1)
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == total, name
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as cache:
        loaded = datasets.load_dataset(str(folder), cache_dir=cache)
        rows = {split: data.to_list() for split, data in loaded.items()}
        card = DatasetCard.load(folder / "README.md").data.to_dict()
        info = datasets.DatasetInfo._from_yaml_dict(card["dataset_info"])
        for split, data in loaded.items():
            assert data.features == info.features, (data.features, info.features)
            assert len(data) == info.splits[split].num_examples
            mine = [f for f in manifest["files"] if f["split"] == split]
            assert len(data) == sum(f["rows"] for f in mine)
            # The same without a card, by the files alone.
            plain = datasets.load_dataset(
                manifest["file_format"].replace("jsonl", "json"), data_files=[str(folder / f["path"]) for f in mine],
                cache_dir=cache)["train"]
            assert set(plain.column_names) == set(data.column_names)
            assert len(plain) == len(data)
    return rows


def messages(value):
    return [{k: v for k, v in turn.items() if v is not None} for turn in value]


def tokenizer():
    from transformers import PreTrainedTokenizerFast

    config = json.loads(Path("examples/model/tokenizer_config.json").read_text(encoding="utf-8"))
    return PreTrainedTokenizerFast(
        tokenizer_file="examples/model/tokenizer.json", chat_template=config["chat_template"],
        eos_token=config.get("eos_token"))


def by_trl(row, tok, keys):
    from trl.data_utils import apply_chat_template, is_conversational

    row = {k: messages(v) if isinstance(v, list) and v and isinstance(v[0], dict) else v for k, v in row.items()}
    assert is_conversational(row), row
    text = apply_chat_template(row, tok)
    assert set(keys) <= set(text), (keys, text.keys())
    return text


def check_set(name, rows, tok, out):
    from trl.data_utils import maybe_extract_prompt

    if name == "sft":
        source = {t["trace_id"]: t for t in traces()}
        assert len(rows) == len(source)
        for row in rows:
            text = source[row["trace_id"]]["text"]
            kept = row["messages"][-1]["content"]
            assert kept == (text if text.startswith("<think>") else "<think>\n" + text), row["trace_id"]
    if name.startswith("sft"):
        for row in rows:
            assert row["messages"][-1]["role"] == "assistant"
            by_trl({"messages": row["messages"]}, tok, ["text"])
    if name == "sft-field":
        assert all(r["messages"][0] == {"role": "system", "content": "Think.", "thinking": None} for r in rows)
        assert all(r["messages"][-1]["thinking"] is not None for r in rows)
    if name == "prompt-completion":
        for row in rows:
            by_trl({k: row[k] for k in ("prompt", "completion")}, tok, ["prompt", "completion"])
    if name == "prompt-completion-text":
        assert all(isinstance(r["prompt"], str) and isinstance(r["completion"], str) for r in rows)
    if name == "dpo":
        for row in rows:
            by_trl({k: row[k] for k in ("prompt", "chosen", "rejected")}, tok, ["prompt", "chosen", "rejected"])
    if name == "dpo-implicit":
        for row in rows:
            found = maybe_extract_prompt({k: messages(row[k]) for k in ("chosen", "rejected")})
            assert [t["role"] for t in found["prompt"]] == ["system", "user"]
            assert found["chosen"][0]["content"].endswith("right")
    if name == "kto":
        for row in rows:
            by_trl({k: row[k] for k in ("prompt", "completion", "label")}, tok, ["prompt", "completion", "label"])
            assert isinstance(row["label"], bool)
    if name == "grpo":
        assert len(rows) == 60
        for row in rows:
            by_trl({"prompt": row["prompt"]}, tok, ["prompt"])
            assert isinstance(row["solution"], str)
    if name == "prm":
        for row in rows:
            assert len(row["completions"]) == len(row["labels"]) > 0
    if name == "open-r1":
        assert len(rows) == 60
        assert all(len(r["generations"]) == len(r["correctness"]) == 4 and r["correctness_count"] == 2 for r in rows)
    if name == "verl":
        for row in rows:  # as verl's RLHFDataset reads it
            tok.apply_chat_template(row["prompt"], add_generation_prompt=True, tokenize=False)
            assert row["reward_model"]["style"] == "rule" and isinstance(row["reward_model"]["ground_truth"], str)
            assert row["data_source"] == "openai/gsm8k" and isinstance(row["extra_info"]["index"], int)
        for split in ("train", "test"):
            found = [r["extra_info"]["index"] for r in rows if r["extra_info"]["split"] == split]
            assert found == list(range(len(found))) and found
    if name == "openrlhf":
        for row in rows:  # as OpenRLHF's SFTDataset does with --input_key, --output_key and --apply_chat_template
            prompt = tok.apply_chat_template(row["input"], tokenize=False, add_generation_prompt=True)
            whole = tok.apply_chat_template(row["input"] + row["output"], tokenize=False)
            assert whole.startswith(prompt)
    if name == "openrlhf-dpo":
        for row in rows:  # its RewardDataset, with --chosen_key and --rejected_key
            prompt = tok.apply_chat_template(row["chosen"][:-1], tokenize=False, add_generation_prompt=True)
            assert tok.apply_chat_template(row["chosen"], tokenize=False).startswith(prompt)
            assert tok.apply_chat_template(row["rejected"], tokenize=False).startswith(prompt)
    if name == "openrlhf-prm":
        for row in rows:
            assert row["input"].count("\u043a\u0438") == len(row["value"])
            assert set(row["value"]) <= {"+", "-"}
    if name == "sharegpt":
        assert all([t["from"] for t in r["conversations"]] == ["human", "gpt"] for r in rows)


def check(out):
    import datasets

    datasets.disable_progress_bars()
    tok = tokenizer()
    for name in SETS:
        both = []
        for files in ("jsonl", "parquet"):
            folder = out / files / name
            splits = check_folder(folder)
            rows = [row for split in splits.values() for row in split]
            check_set(name, rows, tok, out)
            both.append(splits)
        assert both[0] == both[1], f"{name}: JSON lines and Parquet hold other rows"
        print(f"ok  {name:24} {sum(map(len, both[0].values())):5} rows in {', '.join(both[0])}")
    import transformers
    import trl

    print(f"datasets {datasets.__version__}, trl {trl.__version__}, transformers {transformers.__version__}")


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    {"make": make, "check": check}[sys.argv[1]](Path(sys.argv[2]))
