// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import java.util.Locale;

/** The ways in which a run is disturbed, and where it runs then. */
enum FaultKind {
  TASK_FAILS(Place.LOCAL),
  DISK_FULL(Place.LOCAL),
  READ_ONLY(Place.LOCAL),
  NO_FIRST_COMMIT(Place.LOCAL),
  OPTIMIZE_BESIDE(Place.LOCAL),
  DELETE_BESIDE(Place.LOCAL),
  DRIVER_KILLED(Place.CHILD),
  DRIVER_TERMINATED(Place.CHILD),
  STARTED_TWICE(Place.CHILD),
  DRIVER_AND_EXECUTOR_KILLED(Place.CHILD),
  EXECUTOR_KILLED(Place.CLUSTER),
  SHUFFLE_LOST(Place.CLUSTER),
  SPECULATION(Place.SPECULATING);

  /** In the order in which they are visited, so that each session is opened once. */
  enum Place {
    /** The session of this process. */
    LOCAL,
    /** A process of its own, from its start to its end. */
    CHILD,
    /** Two executors of this process's session. */
    CLUSTER,
    /** The same, on a session that runs slow tasks a second time. */
    SPECULATING
  }

  final Place place;

  FaultKind(Place place) {
    this.place = place;
  }

  static FaultKind of(String label) {
    return valueOf(label.toUpperCase(Locale.ROOT).replace('-', '_'));
  }

  /** Its name on the command line and in the table. */
  String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
