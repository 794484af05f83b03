// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference;

import java.util.Collection;
import java.util.Locale;

/** Every failure a user can meet in this module: what happened, where, why, and what to do. */
public final class InferenceErrors {
  private InferenceErrors() {}

  public static final String MODEL_NOT_FOUND = "model_not_found";
  public static final String MODEL_INVALID = "model_invalid";
  public static final String MODEL_NOT_FETCHED = "model_not_fetched";
  public static final String MODEL_UNSUPPORTED = "model_unsupported";
  public static final String ARCHITECTURE_UNKNOWN = "architecture_unknown";
  public static final String TEMPLATE_ERROR = "template_error";
  public static final String NATIVE_LIBRARY = "native_library";
  public static final String PROMPT_EMPTY = "prompt_empty";
  public static final String PROMPT_TOO_LONG = "prompt_too_long";
  public static final String KV_CACHE_TOO_SMALL = "kv_cache_too_small";
  public static final String TOKEN_OUT_OF_RANGE = "token_out_of_range";
  public static final String CONTINUATION_INVALID = "continuation_invalid";
  public static final String MEMORY_EXCEEDED = "memory_exceeded";
  public static final String NUMERICS_UNAVAILABLE = "numerics_unavailable";
  public static final String NON_FINITE_LOGITS = "non_finite_logits";
  public static final String ANSWER_FORMAT_INVALID = "answer_format_invalid";
  public static final String THINKING_BUDGET_INVALID = "thinking_budget_invalid";
  public static final String ENGINE_FAULT = "engine_fault";
  public static final String ENGINE_CRASH = "engine_crash";
  public static final String SIDECAR_FAILED = "sidecar_failed";
  public static final String ENDPOINT_KEY = "endpoint_key";
  public static final String ENDPOINT_REFUSED = "endpoint_refused";
  public static final String ENDPOINT_UNAVAILABLE = "endpoint_unavailable";
  public static final String ENDPOINT_FAILED = "endpoint_failed";
  public static final String ENDPOINT_ANSWER_INVALID = "endpoint_answer_invalid";
  public static final String CONTENT_REFUSED = "content_refused";
  public static final String REQUEST_REFUSED = "request_refused";

  /** The engine's process has ended twice with this prompt in it, the second time with no other under suspicion. */
  public static InferenceException engineCrash(int deaths) {
    return new InferenceException(
        ENGINE_CRASH,
        String.format(
            "The process of the engine ended %d times while it computed this prompt, so it is left out and the others"
                + " go on. Look at the executor's log and its memory limit; --retry-failed %s tries it once more.",
            deaths, ENGINE_CRASH));
  }

  public static InferenceException modelNotFound(String path, String why) {
    return new InferenceException(
        MODEL_NOT_FOUND,
        String.format(
            "Cannot open the model %s: %s. Give a Hugging Face folder (config.json, *.safetensors, tokenizer.json)"
                + " or a .gguf file.",
            path, why));
  }

  /** A model on another file system that cannot be copied to this host. */
  public static InferenceException modelNotFetched(String address, String why, String whatToDo, Throwable cause) {
    return new InferenceException(
        MODEL_NOT_FETCHED, String.format("Cannot fetch the model %s: %s. %s", address, why, whatToDo), cause);
  }

  /** A file of the model is no longer what the driver saw. */
  public static InferenceException remoteModelChanged(String address, String file, String what) {
    return modelNotFetched(
        address, "its file " + file + " has changed since the driver looked at it: " + what,
        "Run again when nobody writes to it any more.", null);
  }

  /** An executor's copy of a model on another file system has other content than the driver's. */
  public static InferenceException copyDiffers(String address, String part) {
    return modelNotFetched(
        address, "the " + part + " of this host's copy is not that of the driver's",
        "The copy was thrown away and is fetched anew the next time; if that does not help, delete the folder models of"
            + " the driver's cache (WINNOW_CACHE).", null);
  }

  public static InferenceException scriptInvalid(String model, String why) {
    return new InferenceException(
        MODEL_INVALID,
        String.format(
            "Cannot use the made-up model '%s': %s. Give scripted:KEY=VALUE,KEY=VALUE with any of step-ms, tokens, tail,"
                + " context, crash, fault, nan and load-ms, each once.",
            model, why));
  }

  /** A file of the model is damaged or incomplete. */
  public static InferenceException modelInvalid(String file, String why, String whatToDo) {
    return new InferenceException(
        MODEL_INVALID, String.format("Cannot read the model file %s: %s. %s", file, why, whatToDo));
  }

  /** A whole and sound model that asks for something this engine cannot compute. */
  public static InferenceException modelUnsupported(String file, String what, String whatToDo) {
    return new InferenceException(
        MODEL_UNSUPPORTED, String.format("Cannot run the model %s: %s. %s", file, what, whatToDo));
  }

  public static InferenceException architectureUnknown(
      String path, String architecture, Collection<String> known) {
    return new InferenceException(
        ARCHITECTURE_UNKNOWN,
        String.format(
            "Cannot run the model %s: its architecture '%s' is not known. Known architectures: %s.",
            path, architecture, String.join(", ", known)));
  }

  public static InferenceException templateError(String why) {
    return new InferenceException(
        TEMPLATE_ERROR,
        String.format(
            "Cannot render the prompt: the chat template refused it: %s. Look at the messages of this row, or give"
                + " another template with --chat-template.",
            why));
  }

  /** A native library that cannot be unpacked or loaded on this host. */
  public static InferenceException nativeLibrary(String library, Throwable cause) {
    return new InferenceException(
        NATIVE_LIBRARY,
        String.format(
            "Cannot load the native library of %s: %s. Set -Dwinnow.nativeDir to a folder that this user may write and"
                + " that is not mounted noexec.",
            library, cause),
        cause);
  }

  public static InferenceException promptEmpty() {
    return new InferenceException(
        PROMPT_EMPTY, "Cannot generate: the prompt is empty. Fill the prompt column of this row, or drop the row.");
  }

  public static InferenceException promptTooLong(int promptTokens, int contextLength) {
    return new InferenceException(
        PROMPT_TOO_LONG,
        String.format(
            "Cannot generate: the prompt has %d tokens, which leaves no room in the context of %d. Shorten the prompt,"
                + " or use a model with a longer context.",
            promptTokens, contextLength));
  }

  /** A text whose likelihood is asked for, and that fits no context. */
  public static InferenceException scoredTextTooLong(int tokens, int contextLength) {
    return new InferenceException(
        PROMPT_TOO_LONG,
        String.format(
            "Cannot score: prompt and completion have %d tokens together, the model's context holds %d. Shorten them, or"
                + " use a model with a longer context.",
            tokens, contextLength));
  }

  public static InferenceException kvCacheTooSmall(int tokens, int capacity) {
    return new InferenceException(
        KV_CACHE_TOO_SMALL,
        String.format(
            "Cannot generate: prompt and answer may take %d positions, the KV cache holds %d. Raise --kv-cache-tokens,"
                + " or lower --max-tokens.",
            tokens, capacity));
  }

  public static InferenceException tokenOutOfRange(int id, int vocabSize) {
    return new InferenceException(
        TOKEN_OUT_OF_RANGE,
        String.format(
            "Cannot generate: the prompt holds the token id %d, the model knows 0 to %d. Tokenizer and model do not"
                + " belong together.",
            id, vocabSize - 1));
  }

  /** A setting names a token that the model does not have. */
  public static InferenceException settingOutOfRange(String setting, int id, int vocabSize) {
    return new InferenceException(
        TOKEN_OUT_OF_RANGE,
        String.format(
            "Cannot generate: %s names the token id %d, the model knows 0 to %d. Take ids of this model's tokenizer.",
            setting, id, vocabSize - 1));
  }

  /** The tokens that a request gives to go on from are none that this model could have left unfinished. */
  public static InferenceException continuationInvalid(String why) {
    return new InferenceException(
        CONTINUATION_INVALID,
        String.format(
            "Cannot go on from the tokens given: %s. Go on only from traces of this model and these settings that end"
                + " with finish reason length, or generate the sample anew.",
            why));
  }

  /** An engine that does not fit into the memory there is. */
  public static InferenceException memoryExceeded(String model, EngineMemory memory) {
    return new InferenceException(
        MEMORY_EXCEEDED,
        String.format(
            Locale.ROOT,
            "Cannot hold the engine of %s: it takes %s outside the heap (weights %s, KV cache %s for %,d tokens,"
                + " scratch %s), and there is %s for it (%s). %s.",
            model, HostMemory.size(memory.total()), HostMemory.size(memory.weights()),
            HostMemory.size(memory.kvCache()), memory.kvCacheTokens(), HostMemory.size(memory.scratch()),
            HostMemory.size(memory.host().available()), memory.host().explained(), memory.remedy()));
  }

  public static InferenceException weightsUnknown(String weights) {
    return new InferenceException(
        MODEL_INVALID,
        String.format(
            "Cannot hold the weights as '%s': this build knows auto, f32, bf16, int8 and int4. Leave --weights out, or"
                + " name one of them.",
            weights));
  }

  /** This machine does not compute native products. */
  public static InferenceException numericsUnavailable(String why) {
    return new InferenceException(
        NUMERICS_UNAVAILABLE,
        String.format(
            "Cannot compute with --numerics native here: %s. It needs the bfloat16 tiles of AMX (Intel's Xeons from the"
                + " fourth generation on, Linux 5.16 or newer). Use --numerics portable, or machines that have them.",
            why));
  }

  /** An executor found other files at the model's path than the driver did. */
  public static InferenceException modelDiffers(String model, String part) {
    return new InferenceException(
        MODEL_INVALID,
        String.format(
            "Cannot use the model %s: its %s on this executor is not that on the driver. Put the same files on all hosts,"
                + " or use a shared file system.",
            model, part));
  }

  public static InferenceException nonFiniteLogits(int position) {
    return new InferenceException(
        NON_FINITE_LOGITS,
        String.format(
            "Cannot go on: the model gave a logit that is not a finite number at position %d. The weights are damaged"
                + " or overflow in this format; try --weights f32.",
            position));
  }

  /** As {@link #nonFiniteLogits}, where penalties or biases may have done it. */
  public static InferenceException nothingToDraw(int position) {
    return new InferenceException(
        NON_FINITE_LOGITS,
        String.format(
            "Cannot go on: at position %d a logit is not a finite number, or penalties and --logit-bias leave no token"
                + " that could be drawn. Lessen them; if it stays, the weights are damaged or overflow in this format.",
            position));
  }

  /** A choice, pattern or schema that no answer can be held to. */
  public static InferenceException answerFormatInvalid(AnswerFormat format, String why) {
    return new InferenceException(
        ANSWER_FORMAT_INVALID, String.format("Cannot hold answers to %s: %s.", format.described(), why));
  }

  /** Thinking that cannot be ended. */
  public static InferenceException thinkingBudgetInvalid(String why) {
    return new InferenceException(
        THINKING_BUDGET_INVALID,
        String.format("Cannot end thinking at --thinking-budget: %s. Leave it out for this model.", why));
  }

  /**
   * Nobody will answer: an exception for whoever waits, never a row's error, because the row was not tried.
   *
   * @param death what ended the engine, null when it was closed
   */
  public static InferenceException engineClosed(int samples, Throwable death) {
    String why = death == null ? "is closed" : "has died of " + death;
    String next = death == null ? "The executor is shutting down; run" : "Run";
    return new InferenceException(
        ENGINE_FAULT,
        String.format(
            "Cannot generate: the engine %s, and %d samples are not answered. %s the job again to make what is"
                + " missing.",
            why, samples, next),
        death);
  }

  /** One sequence that the engine cannot compute. */
  public static InferenceException engineFault(Throwable cause) {
    return new InferenceException(ENGINE_FAULT, "The engine failed: " + cause, cause);
  }

  /** The engine fails whatever it computes. */
  public static InferenceException engineBroken(int prompts, Throwable cause) {
    return new InferenceException(
        ENGINE_FAULT,
        String.format(
            "The engine failed on %d prompts one after the other, each computed alone, so it gave up all that was open;"
                + " the last failure: %s. Mend its cause and run again with --retry-failed engine_fault.",
            prompts, cause),
        cause);
  }

  /**
   * The server beside an executor is given up: an exception for its tasks, never a row's error.
   *
   * @param why with the end of the server's log
   */
  public static InferenceException sidecarFailed(String model, String executor, String why) {
    return new InferenceException(
        SIDECAR_FAILED,
        String.format(
            "Cannot generate: the server of %s beside executor %s is not there: %s\nMend what the log names, and run again"
                + " to make what is missing.",
            model, executor, why));
  }

  /** An API key that is not there, or none. */
  public static InferenceException apiKey(String why, String whatToDo) {
    return new InferenceException(
        ENDPOINT_KEY, String.format("Cannot ask the endpoint: %s. %s.", why, whatToDo));
  }

  /** An executor that has no server of its own. */
  public static InferenceException noSidecar(String model) {
    return new InferenceException(
        ENDPOINT_UNAVAILABLE,
        String.format(
            "Cannot ask %s@sidecar: no server runs beside this executor. Start one with it by the executor plugin, or"
                + " give an address, %s@https://host/v1.",
            model, model));
  }

  /** A server that refuses whatever it is asked, so that the job cannot go on. */
  public static InferenceException endpointRefused(String model, String address, String why, String whatToDo) {
    return new InferenceException(
        ENDPOINT_REFUSED,
        String.format("Cannot ask %s at %s: %s. %s.", model, address, why, whatToDo));
  }

  /** Servers of which none has answered anything for long. */
  public static InferenceException endpointUnavailable(String model, String addresses, String time, String last) {
    return new InferenceException(
        ENDPOINT_UNAVAILABLE,
        String.format(
            "Cannot ask %s: no server has answered for %s (--endpoint-patience) at %s; the last failure: %s. What is"
                + " done is kept; run the same command again when a server answers.",
            model, time, addresses, last));
  }
}
