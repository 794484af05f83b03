// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.endpoint;

import io.winnow.inference.EndpointSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/**
 * Where a request goes. Prompts that begin alike go to the same server, whose cache then has their beginning: each
 * prompt ranks the servers by a hash of its beginning and of their addresses, so that a server that comes or goes moves
 * only its own share. One that has a quarter more to do than its part is passed over; then the less loaded of two
 * others drawn by chance takes it. Servers that fail rest and are tried again.
 */
final class Addresses {
  private static final double SURPLUS = 1.25;

  private final List<Address> all = new ArrayList<>();
  private final RandomGenerator random;

  Addresses(EndpointSpec spec, RandomGenerator random) {
    for (String url : spec.urls()) {
      EndpointSpec.Limits limits = spec.limits();
      all.add(new Address(url, new ConcurrencyLimit(limits.leastConcurrency(), limits.mostConcurrency())));
    }
    this.random = random;
  }

  List<Address> all() {
    return all;
  }

  /** Requests that may be open at all of them now. */
  int limit() {
    return all.stream().mapToInt(address -> address.limit.now()).sum();
  }

  /** Whether nobody is there, as far as is known. */
  boolean allDead() {
    return all.stream().allMatch(Address::dead);
  }

  /**
   * The server for a request; null while all are full, rest or are dead.
   *
   * @param affinity hash of what the prompt begins with
   */
  Address pick(long affinity, long nanos) {
    Address first = null;
    long best = 0;
    int open = 0;
    List<Address> usable = new ArrayList<>(all.size());
    for (Address address : all) {
      if (!address.usable(nanos)) {
        continue;
      }
      open += address.open;
      long rank = mixed(affinity ^ address.base.hashCode() * 0x9E3779B97F4A7C15L);
      if (first == null || rank > best) {
        first = address;
        best = rank;
      }
      if (address.hasRoom()) {
        usable.add(address);
      }
    }
    if (usable.isEmpty()) {
      return null;
    }
    int alive = (int) all.stream().filter(address -> address.usable(nanos)).count();
    if (first.hasRoom() && first.open < Math.ceil((open + 1) * SURPLUS / alive)) {
      return first;
    }
    Address one = usable.get(random.nextInt(usable.size()));
    Address other = usable.get(random.nextInt(usable.size()));
    return load(one) <= load(other) ? one : other;
  }

  /** Looks how far the open calls' answers have come that are streamed. */
  void follow(Iterable<Call> calls, long nanos) {
    all.forEach(address -> address.begun = 0);
    for (Call call : calls) {
      int pieces = call.reader == null ? 0 : call.reader.pieces();
      call.address.pieces += pieces - call.pieces;
      call.address.begun += pieces > 0 ? 1 : 0;
      call.pieces = pieces;
    }
    all.forEach(address -> address.limit.streamed(address.open, address.begun, address.pieces, nanos));
  }

  /** When the first of those that rest may be asked again; Long.MAX_VALUE where none rests. */
  long wakes(long nanos) {
    long next = Long.MAX_VALUE;
    for (Address address : all) {
      if (address.restUntil() != Long.MIN_VALUE && address.restUntil() - nanos > 0) {
        next = Math.min(next, address.restUntil());
      }
    }
    return next;
  }

  private static double load(Address address) {
    return (double) address.open / address.limit.now();
  }

  static long mixed(long bits) {
    long z = (bits ^ (bits >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
