// SPDX-License-Identifier: Apache-2.0
package io.winnow.jobs.table;

import io.delta.kernel.Operation;
import io.delta.kernel.Snapshot;
import io.delta.kernel.Table;
import io.delta.kernel.TableManager;
import io.delta.kernel.Transaction;
import io.delta.kernel.TransactionCommitResult;
import io.delta.kernel.data.FilteredColumnarBatch;
import io.delta.kernel.data.Row;
import io.delta.kernel.defaults.engine.DefaultEngine;
import io.delta.kernel.engine.Engine;
import io.delta.kernel.exceptions.ConcurrentWriteException;
import io.delta.kernel.exceptions.KernelException;
import io.delta.kernel.exceptions.MaxCommitRetryLimitReachedException;
import io.delta.kernel.exceptions.TableAlreadyExistsException;
import io.delta.kernel.exceptions.TableNotFoundException;
import io.delta.kernel.hook.PostCommitHook;
import io.delta.kernel.internal.SnapshotImpl;
import io.delta.kernel.internal.actions.AddFile;
import io.delta.kernel.internal.actions.Protocol;
import io.delta.kernel.internal.actions.SingleAction;
import io.delta.kernel.statistics.DataFileStatistics;
import io.delta.kernel.utils.CloseableIterable;
import io.delta.kernel.utils.CloseableIterator;
import io.delta.kernel.utils.DataFileStatus;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A Delta table of ours by way of Delta Kernel: created with pinned properties, checked when opened, appended to in
 * idempotent transactions. Needs no Spark session. With TableScan the only class that touches Kernel's internals (the
 * protocol of a snapshot, which Kernel does not publish). Thread-safe; holds no state of the table.
 */
class WinnowTable {
  static final String VERSION_PROPERTY = "winnow.schemaVersion";
  static final String TABLE_PROPERTY = "winnow.table";
  static final String TRACES = "traces";
  static final String RUNS = "runs";
  static final String VERDICTS = "verdicts";
  /** Side folder: names with a leading underscore are no data for Delta and are left alone by VACUUM. */
  static final String SIDE_FOLDER = "_winnow";

  private static final Logger LOG = LoggerFactory.getLogger(WinnowTable.class);
  private static final String ENGINE_INFO = "winnow";
  private static final int MAX_REBASES = 20;

  private final String path;
  private final Configuration conf;
  private final Engine engine;

  WinnowTable(String path, Configuration conf) {
    this.path = path;
    this.conf = conf;
    this.engine = DefaultEngine.create(conf);
  }

  /** The table in a folder, which need not exist. */
  static WinnowTable at(String path, Configuration conf) {
    Path p = new Path(path);
    try {
      return new WinnowTable(p.getFileSystem(conf).makeQualified(p).toString(), conf);
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot reach the file system of " + path, e);
    }
  }

  /** Properties of a new table: ours, and all that could raise the protocol or change with a session's defaults. */
  static Map<String, String> properties(String kind) {
    Map<String, String> out = new TreeMap<>();
    out.put(VERSION_PROPERTY, Integer.toString(TraceTable.SCHEMA_VERSION));
    out.put(TABLE_PROPERTY, kind);
    out.put("delta.minReaderVersion", "1");
    out.put("delta.minWriterVersion", "2");
    out.put("delta.enableDeletionVectors", "false");
    out.put("delta.columnMapping.mode", "none");
    out.put("delta.enableRowTracking", "false");
    out.put("delta.enableChangeDataFeed", "false");
    out.put("delta.enableInCommitTimestamps", "false");
    out.put("delta.checkpointPolicy", "classic");
    return out;
  }

  static WinnowTable openOrCreate(String path, String kind, StructType schema, Configuration conf) {
    WinnowTable table = at(path, conf);
    Optional<Snapshot> snapshot = table.latest();
    if (snapshot.isEmpty()) {
      table.checkEmptyFolder();
      table.create(kind, schema);
      snapshot = Optional.of(table.snapshot());
    }
    table.checkOurs(snapshot.get(), kind);
    return table;
  }

  String path() {
    return path;
  }

  Configuration conf() {
    return conf;
  }

  FileSystem fileSystem() throws IOException {
    return new Path(path).getFileSystem(conf);
  }

  /** The newest snapshot; empty if there is no commit. A {@code _delta_log} without a commit is no table. */
  Optional<Snapshot> latest() {
    try {
      return Optional.of(Table.forPath(engine, path).getLatestSnapshot(engine));
    } catch (TableNotFoundException e) {
      return Optional.empty();
    } catch (KernelException e) {
      throw TableErrors.unreadable(path, e);
    }
  }

  Snapshot snapshot() {
    return latest().orElseThrow(() -> TableErrors.notOurTable(path, "traces", "it vanished while in use"));
  }

  private void create(String kind, StructType schema) {
    try {
      TableManager.buildCreateTableTransaction(path, Schemas.toKernel(schema), ENGINE_INFO)
          .withTableProperties(kernelProperties(kind))
          .build(engine)
          .commit(engine, CloseableIterable.emptyIterable());
    } catch (TableAlreadyExistsException | ConcurrentWriteException e) {
      LOG.info("Another process created the table at {} first", path);
    }
  }

  /** Kernel picks the lowest protocol by itself, so the two version properties, which are directives, are left out. */
  private static Map<String, String> kernelProperties(String kind) {
    Map<String, String> out = properties(kind);
    out.remove("delta.minReaderVersion");
    out.remove("delta.minWriterVersion");
    return out;
  }

  private void checkEmptyFolder() {
    Path folder = new Path(path);
    try {
      FileSystem fs = fileSystem();
      if (!fs.exists(folder)) {
        return;
      }
      if (!fs.getFileStatus(folder).isDirectory()) {
        throw TableErrors.notAFolder(path);
      }
      List<String> foreign = new ArrayList<>();
      for (FileStatus f : fs.listStatus(folder)) {
        String name = f.getPath().getName();
        boolean ours = f.isDirectory() && (name.equals("_delta_log") || name.equals(SIDE_FOLDER));
        if (!ours && foreign.size() < 3) {
          foreign.add(name);
        }
      }
      if (!foreign.isEmpty()) {
        throw TableErrors.foreignFolder(path, foreign);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("Cannot look into " + path + ": " + e.getMessage(), e);
    }
  }

  private void checkOurs(Snapshot snapshot, String kind) {
    Map<String, String> properties = snapshot.getTableProperties();
    String version = properties.get(VERSION_PROPERTY);
    if (version == null) {
      throw TableErrors.notOurTable(path, kind, "it has no property " + VERSION_PROPERTY);
    }
    String found = properties.getOrDefault(TABLE_PROPERTY, kind);
    if (!found.equals(kind)) {
      throw TableErrors.notOurTable(path, kind, "it is a Winnow table of " + found);
    }
    if (!version.equals(Integer.toString(TraceTable.SCHEMA_VERSION))) {
      throw TableErrors.newerSchema(path, version, TraceTable.SCHEMA_VERSION);
    }
  }

  /** Checks that files with the given columns, written by name, are valid data files of this snapshot. */
  void checkWritable(Snapshot snapshot, StructType columns) {
    Protocol protocol = ((SnapshotImpl) snapshot).getProtocol();
    Set<String> features = new TreeSet<>(protocol.getReaderFeatures());
    features.addAll(protocol.getWriterFeatures());
    if (protocol.getMinReaderVersion() > 1 || protocol.getMinWriterVersion() > 2) {
      throw TableErrors.protocolRaised(
          path, protocol.getMinReaderVersion(), protocol.getMinWriterVersion(), features);
    }
    if (!snapshot.getPartitionColumnNames().isEmpty()) {
      throw TableErrors.partitioned(path, snapshot.getPartitionColumnNames());
    }
    StructType present = sparkSchema(snapshot);
    List<String> missing = new ArrayList<>();
    for (StructField f : columns.fields()) {
      StructField there = find(present, f.name());
      if (there == null || !there.name().equals(f.name())) {
        missing.add(f.name());
      } else if (!Schemas.sameType(there.dataType(), f.dataType())) {
        throw TableErrors.columnType(path, f.name(), there.dataType().sql(), f.dataType().sql());
      }
    }
    if (!missing.isEmpty()) {
      throw TableErrors.missingColumns(path, missing);
    }
  }

  static StructType sparkSchema(Snapshot snapshot) {
    return (StructType) DataType.fromJson(((SnapshotImpl) snapshot).getMetadata().getSchemaString());
  }

  static StructField find(StructType schema, String name) {
    for (StructField f : schema.fields()) {
      if (f.name().equalsIgnoreCase(name)) {
        return f;
      }
    }
    return null;
  }

  /** The newest transaction version committed under an application id. */
  OptionalLong lastTransaction(String appId) {
    return lastTransaction(snapshot(), appId);
  }

  /** The newest transaction version of an application id in a snapshot. */
  OptionalLong lastTransaction(Snapshot snapshot, String appId) {
    Optional<Long> version = ((SnapshotImpl) snapshot).getLatestTransactionVersion(engine, appId);
    return version.isPresent() ? OptionalLong.of(version.get()) : OptionalLong.empty();
  }

  /**
   * Appends files in one transaction, whatever else was committed meanwhile. Under one application id versions only
   * grow: a transaction at or below a committed version fails, so an append that is tried again cannot double.
   *
   * @param columns columns that the files hold; checked against the schema of the very snapshot that is built on
   * @return the version of the table that holds the files
   * @throws io.delta.kernel.exceptions.ConcurrentTransactionException if the version is taken
   * @throws ConcurrentWriteException if another commit got in between that cannot be reconciled: try again
   */
  long append(String appId, long transactionVersion, StructType columns, List<DataFile> files) {
    return append(snapshot(), appId, transactionVersion, columns, files, MAX_REBASES);
  }

  /**
   * Appends files in one transaction on top of exactly this snapshot, so that whoever has looked through the snapshot
   * knows all that is in the table before.
   *
   * @throws ConcurrentWriteException if anything was committed since: look again, then try again
   */
  long appendTo(
      Snapshot snapshot, String appId, long transactionVersion, StructType columns, List<DataFile> files) {
    return append(snapshot, appId, transactionVersion, columns, files, 0);
  }

  private long append(
      Snapshot snapshot, String appId, long transactionVersion, StructType columns, List<DataFile> files,
      int rebases) {
    checkWritable(snapshot, columns);
    Transaction txn =
        snapshot
            .buildUpdateTableTransaction(ENGINE_INFO, Operation.WRITE)
            .withTransactionId(appId, transactionVersion)
            .withMaxRetries(rebases)
            .build(engine);
    Row state = txn.getTransactionState(engine);
    io.delta.kernel.types.StructType schema = txn.getSchema(engine);
    List<DataFileStatus> statuses = files.stream().map(f -> status(f, schema)).toList();
    CloseableIterator<Row> actions =
        Transaction.generateAppendActions(
            engine, state, TableScan.closeable(statuses.iterator(), () -> {}),
            Transaction.getWriteContext(engine, state, Map.of()));
    return commit(txn, actions);
  }

  private DataFileStatus status(DataFile f, io.delta.kernel.types.StructType schema) {
    return new DataFileStatus(
        path + "/" + f.name(),
        f.sizeBytes(),
        f.modifiedMillis(),
        DataFileStatistics.deserializeFromJson(f.stats(), schema));
  }

  /**
   * Puts one file in the place of others that hold the same rows: a commit without a change of data.
   *
   * @return the version, or -1 if one of the others is no longer in the table or something else was committed since
   */
  long rearrange(Set<String> old, DataFile merged) throws IOException {
    Snapshot snapshot = snapshot();
    List<AddFile> present = liveFiles(snapshot, old);
    if (present.size() < old.size()) {
      return -1;
    }
    Transaction txn =
        snapshot.buildUpdateTableTransaction(ENGINE_INFO, Operation.MANUAL_UPDATE).withMaxRetries(0).build(engine);
    io.delta.kernel.types.StructType schema = txn.getSchema(engine);
    List<Row> actions = new ArrayList<>();
    Optional<Long> now = Optional.of(System.currentTimeMillis());
    for (AddFile file : present) {
      actions.add(SingleAction.createRemoveFileSingleAction(file.toRemoveFileRow(false, now)));
    }
    AddFile add =
        AddFile.convertDataFileStatus(
            schema, new Path(path).toUri(), status(merged, schema), Map.of(), false, Map.of(), Optional.empty(),
            Optional.empty(), Optional.empty());
    actions.add(SingleAction.createAddFileSingleAction(add.toRow()));
    try {
      return commit(txn, TableScan.closeable(actions.iterator(), () -> {}));
    } catch (ConcurrentWriteException e) {
      return -1;
    }
  }

  private List<AddFile> liveFiles(Snapshot snapshot, Set<String> names) throws IOException {
    List<AddFile> out = new ArrayList<>();
    try (CloseableIterator<FilteredColumnarBatch> batches = snapshot.getScanBuilder().build().getScanFiles(engine)) {
      while (batches.hasNext()) {
        try (CloseableIterator<Row> rows = batches.next().getRows()) {
          while (rows.hasNext()) {
            AddFile file = new AddFile(rows.next().getStruct(0));
            if (names.contains(file.getPath())) {
              out.add(file);
            }
          }
        }
      }
    }
    return out;
  }

  private long commit(Transaction txn, CloseableIterator<Row> actions) {
    TransactionCommitResult result;
    try {
      result = txn.commit(engine, CloseableIterable.inMemoryIterable(actions));
    } catch (MaxCommitRetryLimitReachedException e) {
      throw new ConcurrentWriteException(String.valueOf(e.getMessage()));
    }
    for (PostCommitHook hook : result.getPostCommitHooks()) {
      try {
        hook.threadSafeInvoke(engine);
      } catch (IOException | RuntimeException e) {
        // The commit stands; a checkpoint only makes later reads faster, and the next one catches up.
        LOG.warn("Cannot do {} after version {} of {}: {}", hook.getType(), result.getVersion(), path, e.toString());
      }
    }
    return result.getVersion();
  }
}
