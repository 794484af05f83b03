// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Merges the small files of a run, in commits without a change of data. Files of about the same size are merged, {@link
 * #FILES} at a time, so that a row is written anew a few times at most, however long the run is. What stands in the way
 * (somebody's OPTIMIZE or DELETE, a commit in between) ends an attempt and nothing else. One thread.
 */
final class Compaction {
  /** Files of a size that make it worth to merge them. */
  static final int FILES = 32;
  /** Files that are left as they are when the run ends. */
  private static final int LEFT = 8;
  private static final int TIERS = 3;

  private static final Logger LOG = LoggerFactory.getLogger(Compaction.class);

  private final WinnowTable table;
  private final FileMerge merge;
  private final long targetBytes;
  private final List<List<DataFile>> tiers = new ArrayList<>();

  /** @param targetBytes files of a quarter of it and more are left alone */
  Compaction(WinnowTable table, FileMerge merge, long targetBytes) {
    this.table = table;
    this.merge = merge;
    this.targetBytes = targetBytes;
    for (int i = 0; i < TIERS; i++) {
      tiers.add(new ArrayList<>());
    }
  }

  /** These files are in the table now. */
  void committed(List<DataFile> files) {
    files.forEach(this::add);
  }

  private void add(DataFile file) {
    long bound = targetBytes / 4;
    int tier = TIERS - 1;
    if (file.sizeBytes() >= bound) {
      return;
    }
    while (tier > 0 && file.sizeBytes() < bound / FILES) {
      bound /= FILES;
      tier--;
    }
    tiers.get(tier).add(file);
  }

  /**
   * Merges what has gathered, one step a call.
   *
   * @return the version of the commit, -1 if there was nothing to do or it was not to be
   */
  long step() {
    for (List<DataFile> tier : tiers) {
      if (tier.size() >= FILES) {
        return merge(tier, FILES);
      }
    }
    return -1;
  }

  /** Merges what is left; returns the version of the last commit, -1 without one. */
  long finish() {
    List<DataFile> all = new ArrayList<>();
    tiers.forEach(all::addAll);
    tiers.forEach(List::clear);
    long version = -1;
    while (all.size() > LEFT) {
      version = Math.max(version, merge(all, all.size()));
    }
    return version;
  }

  /** Merges the first files of a list, as many as fit the target size, and takes them off it. */
  private long merge(List<DataFile> from, int atMost) {
    List<DataFile> files = new ArrayList<>();
    long bytes = 0;
    while (files.size() < atMost && !from.isEmpty()) {
      bytes += from.get(0).sizeBytes();
      if (files.size() > 1 && bytes > targetBytes) {
        break;
      }
      files.add(from.remove(0));
    }
    try {
      DataFile merged = merge.merge(files);
      Set<String> old = files.stream().map(DataFile::name).collect(Collectors.toSet());
      long version = table.rearrange(old, merged);
      if (version >= 0) {
        add(merged);
      } else {
        DataFileWriter.delete(table.path(), merged.name(), table.conf());
      }
      return version;
    } catch (IOException | RuntimeException e) {
      LOG.warn("Cannot merge {} small files of {}, which stay: {}", files.size(), table.path(), e.toString());
      return -1;
    }
  }
}
