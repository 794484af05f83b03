// SPDX-License-Identifier: Apache-2.0
/**
 * Models behind servers that speak OpenAI's protocol, over the JDK's HTTP client; free of Spark. Entry class: {@link
 * io.winnow.inference.endpoint.EndpointRuntime}.
 *
 * <p>A sample is an errand: it waits in the runtime's queue, goes out in a request with up to {@code
 * --endpoint-samples} of its prompt, and ends as a completion, or comes back to the queue with a time before which it
 * is not tried again. So there is one way for first tries, retries, half answers and samples of a dead server, and
 * nothing is lost between them. Everything that decides runs on one thread of the runtime, the clerk; HTTP threads only
 * hand it what has come. Each address has a {@link io.winnow.inference.endpoint.ConcurrencyLimit} of its own; {@link
 * io.winnow.inference.endpoint.Addresses} picks where a request goes. What a failure means, for the row, for the
 * address or for the job, is told in one place, {@link io.winnow.inference.endpoint.Refusal}. The API key is held by
 * {@link io.winnow.inference.endpoint.ApiKey} alone, which also takes it out of whatever a server says.
 */
package io.winnow.inference.endpoint;
