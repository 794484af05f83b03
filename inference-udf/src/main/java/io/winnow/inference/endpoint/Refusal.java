// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import com.fasterxml.jackson.databind.JsonNode;
import io.winnow.inference.InferenceErrors;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpConnectTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.util.Locale;
import java.util.regex.Pattern;
import javax.net.ssl.SSLException;

/**
 * Why a request gave no answer, and what follows from it.
 *
 * @param scope whose fault it is
 * @param errorClass stable name, for the row
 * @param words what happened, in the server's words where it has any; without the key
 * @param afterNanos the wait that the server asks for, −1 for none
 */
record Refusal(Scope scope, String errorClass, String words, long afterNanos) {
  /** What a refusal concerns. */
  enum Scope {
    /** This prompt, for good. */
    ROW,
    /** This try: another may succeed. */
    TRY,
    /** The server has too much to do. */
    LOAD,
    /** Nobody is there. */
    PLACE,
    /** Everything that could be asked, for good. */
    JOB,
    /** Everything, unless something was answered before; then this try. */
    JOB_AT_FIRST
  }

  /** What the words of servers say about prompts that do not fit. */
  private static final Pattern TOO_LONG =
      Pattern.compile(
          "context[ _-]?(length|window|size)|maximum context|context_length_exceeded|too many tokens|prompt is too long"
              + "|input is too long|exceed_context_size|maximum (input|model) length|longer than the (model|maximum)");
  private static final Pattern POLICY =
      Pattern.compile(
          "content[ _-]?(policy|filter|management|moderation)|content_policy_violation|responsible ?ai|moderation"
              + "|flagged|safety (system|policy|filter)|content exists risk|inappropriate content"
              + "|data_inspection_failed");
  private static final Pattern QUOTA =
      Pattern.compile(
          "insufficient[ _-]?(quota|balance|credits|funds)|billing|exceeded your current quota|out of credits");

  static Refusal attempt(String errorClass, String words) {
    return new Refusal(Scope.TRY, errorClass, words, -1);
  }

  /**
   * What an HTTP status says.
   *
   * @param words of the server, without the key
   */
  static Refusal ofStatus(int status, String words, long afterNanos) {
    String low = words.toLowerCase(Locale.ROOT);
    String said = "HTTP " + status + (words.isEmpty() ? "" : ", " + words);
    if (status == 402 || status == 429 && QUOTA.matcher(low).find()) {
      return new Refusal(Scope.JOB, InferenceErrors.ENDPOINT_REFUSED, said, -1);
    }
    if (status == 429 || status == 503 || status == 529) {
      return new Refusal(Scope.LOAD, InferenceErrors.ENDPOINT_FAILED, said, afterNanos);
    }
    if (status == 400 || status == 413 || status == 422 || status == 403) {
      if (POLICY.matcher(low).find()) {
        return new Refusal(Scope.ROW, InferenceErrors.CONTENT_REFUSED, said, -1);
      }
      if (status != 403) {
        boolean tooLong = status == 413 || TOO_LONG.matcher(low).find();
        return new Refusal(
            Scope.ROW, tooLong ? InferenceErrors.PROMPT_TOO_LONG : InferenceErrors.REQUEST_REFUSED, said, -1);
      }
    }
    if (status >= 300 && status < 400) {
      return new Refusal(Scope.JOB_AT_FIRST, InferenceErrors.ENDPOINT_REFUSED, said, -1);
    }
    boolean passing = status >= 500 && status != 501 && status != 505 || status == 408 || status == 409 || status == 425
        || status == 499;
    return passing
        ? new Refusal(Scope.TRY, InferenceErrors.ENDPOINT_FAILED, said, afterNanos)
        : new Refusal(Scope.JOB_AT_FIRST, InferenceErrors.ENDPOINT_REFUSED, said, -1);
  }

  /** What a failure of the connection says. */
  static Refusal ofFailure(Throwable failure, String words) {
    for (Throwable t = failure; t != null; t = t.getCause()) {
      if (t instanceof ConnectException || t instanceof UnknownHostException || t instanceof UnresolvedAddressException
          || t instanceof HttpConnectTimeoutException || t instanceof SSLException) {
        return new Refusal(Scope.PLACE, InferenceErrors.ENDPOINT_UNAVAILABLE, words, -1);
      }
      if (String.valueOf(t.getMessage()).contains("too many concurrent streams")) {
        return new Refusal(Scope.LOAD, InferenceErrors.ENDPOINT_FAILED, words, -1);
      }
    }
    return attempt(InferenceErrors.ENDPOINT_FAILED, words);
  }

  /** What a server says of an error, in whichever form; empty where it says nothing. */
  static String wordsOf(JsonNode body) {
    if (body == null) {
      return "";
    }
    JsonNode error = body.has("error") ? body.get("error") : body;
    if (error.isTextual()) {
      return error.asText();
    }
    StringBuilder out = new StringBuilder();
    for (String name : new String[] {"message", "detail", "error_description", "title"}) {
      JsonNode value = error.path(name);
      if (!value.isMissingNode() && !value.isNull()) {
        out.append(value.isTextual() ? value.asText() : value.toString());
        break;
      }
    }
    for (String name : new String[] {"code", "type"}) {
      String value = error.path(name).asText("");
      if (!value.isEmpty() && out.indexOf(value) < 0 && !value.matches("\\d+|null")) {
        out.append(out.length() == 0 ? "" : " ").append('(').append(value).append(')');
        break;
      }
    }
    return out.toString();
  }

  /** An answer of which some choices are missing or did not really end. */
  static Refusal unfinished(Answer answer) {
    if (answer.choices().values().stream().anyMatch(Answer.Choice::filtered)) {
      return new Refusal(
          Scope.ROW, InferenceErrors.CONTENT_REFUSED, "the server withheld the answer (content_filter)", -1);
    }
    return attempt(
        InferenceErrors.ENDPOINT_ANSWER_INVALID,
        answer.choices().isEmpty() ? "the answer has no choices" : "the answer ended before it was whole");
  }

  /** The message of a row's error. */
  String ofRow(int attempts) {
    if (scope == Scope.ROW) {
      return "The endpoint refuses this prompt: " + words + ". Change the prompt, or leave it out.";
    }
    return "The endpoint did not answer" + (attempts == 1 ? "" : ", after " + attempts + " requests") + ": " + words
        + ". --retry-failed " + errorClass + " tries again.";
  }

  /** What to do where the job cannot go on. */
  String remedy() {
    if (words.startsWith("HTTP 401") || words.startsWith("HTTP 403")) {
      return "Give a key that may ask this model by --api-key-env or --api-key-file";
    }
    if (words.startsWith("HTTP 404")) {
      return "Look at the name before the @, which the server must know, and at the address, which mostly ends in /v1";
    }
    if (words.startsWith("HTTP 3")) {
      return "Redirections are not followed, because the key would go with them: give the address that it leads to";
    }
    return words.startsWith("HTTP 402") || words.startsWith("HTTP 429")
        ? "Pay the bill or raise the quota, and run the same command again: it goes on with what is missing"
        : "Mend that and run the same command again";
  }
}
