// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import io.winnow.inference.GenerationRequest;

/** One sample on its way from a session to a server and back. The clerk's alone, once it is submitted. */
final class Errand {
  final EndpointSession session;
  final GenerationRequest request;
  final int sample;
  /** Hash of what the prompt begins with. */
  final long affinity;
  /** Requests made for it, of them those that failed for reasons of their own, and refusals for load that count. */
  int attempts;
  int failures;
  int refusals;
  /** All refusals for load: its waits get longer by them, whether or not they count. */
  int turnedAway;
  /** Answers that the runtime had got when this was last refused. */
  long answersAtRefusal = -1;
  /** Not to be tried before then. */
  long dueNanos;
  /** What requests that failed have cost. */
  int lostPromptTokens;
  int lostCachedTokens;
  int lostCompletionTokens;

  Errand(EndpointSession session, GenerationRequest request, int sample, long affinity) {
    this.session = session;
    this.request = request;
    this.sample = sample;
    this.affinity = affinity;
  }

  /** What servers have in their caches is a prompt's beginning: the same for all samples, alike for like prompts. */
  static long affinity(GenerationRequest request) {
    long hash = 1;
    int left = 512;
    for (var message : request.messages()) {
      String text = message.content() == null ? "" : message.content();
      for (int i = 0; i < text.length() && left > 0; i++, left--) {
        hash = 31 * hash + text.charAt(i);
      }
    }
    return Addresses.mixed(hash);
  }
}
