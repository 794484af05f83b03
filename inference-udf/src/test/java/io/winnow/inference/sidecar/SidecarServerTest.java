// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.SidecarSpec;
import java.io.BufferedReader;
import java.io.IOException;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** A supervisor against servers that behave badly; what is left of them afterwards is looked for among processes. */
@EnabledOnOs(OS.LINUX)
@Timeout(value = 120, unit = TimeUnit.SECONDS)
class SidecarServerTest {
  private static final String JAVA = ProcessHandle.current().info().command().orElse("java");
  private static final String CLASSES = classes();

  @TempDir Path folder;
  private final List<SidecarState> states = Collections.synchronizedList(new ArrayList<>());
  private final List<SidecarServer> open = new ArrayList<>();

  /** Where this test and what it tests lie. */
  private static String classes() {
    try {
      return Path.of(SidecarServerTest.class.getProtectionDomain().getCodeSource().getLocation().toURI()) + ":"
          + Path.of(SidecarServer.class.getProtectionDomain().getCodeSource().getLocation().toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String fake(String words) {
    return "'" + JAVA + "' -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp '" + CLASSES + "' " + FakeServer.class.getName()
        + " {port} " + words;
  }

  private static SidecarSpec spec(String command) {
    return SidecarSpec.of("m", command, "/models/m").withHealth("/health")
        .withLimits(Duration.ofSeconds(60), 2, Duration.ofSeconds(1), Duration.ofSeconds(60));
  }

  private SidecarServer start(SidecarSpec spec, String... gpus) {
    SidecarServer server =
        SidecarServer.start(spec, new SidecarPlace("7", List.of(gpus), 3, folder), states::add, 1);
    open.add(server);
    return server;
  }

  @AfterEach
  void close() {
    open.forEach(SidecarServer::close);
  }

  private static String get(SidecarServer server, String path) throws Exception {
    return HttpClient.newHttpClient()
        .send(HttpRequest.newBuilder(URI.create(server.url() + path)).build(), HttpResponse.BodyHandlers.ofString())
        .body();
  }

  private static void await(String what, BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; !condition.getAsBoolean(); i++) {
      assertTrue(i < 3000, what);
      Thread.sleep(20);
    }
  }

  /** Processes that run; one that has ended and that nobody has reaped does not. */
  private static List<Long> running(List<Long> pids) {
    return pids.stream().filter(SidecarServerTest::runs).toList();
  }

  private static boolean runs(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc/" + pid + "/stat"));
      return stat.charAt(stat.lastIndexOf(')') + 2) != 'Z';
    } catch (IOException e) {
      return false;
    }
  }

  private static List<Long> pids(String text) {
    return Arrays.stream(text.split(" ")).map(Long::valueOf).toList();
  }

  private boolean seen(SidecarState.Phase phase, String part) {
    synchronized (states) {
      return states.stream().anyMatch(s -> s.phase() == phase && s.detail().contains(part));
    }
  }

  @Test
  void tellsHowFarTheLoadIsAndThenAnswers() throws Exception {
    Path go = folder.resolve("go");
    SidecarServer server = start(spec(fake("load 'wait=" + go + "'")), "4", "5");
    await("no progress", () -> seen(SidecarState.Phase.STARTING, "50% Completed"));
    synchronized (states) {
      assertTrue(states.stream().anyMatch(s -> s.percent() == 50), states::toString);
    }
    Files.createFile(go);
    server.awaitReady();
    assertEquals("fake", server.servedName());
    assertEquals("4,5", get(server, "/environment/CUDA_VISIBLE_DEVICES"));
    assertEquals("PCI_BUS_ID", get(server, "/environment/CUDA_DEVICE_ORDER"));
  }

  @Test
  void theKeyIsInTheEnvironmentAndNeitherInTheLogNorInTheCommand() throws Exception {
    SidecarServer server = start(spec(fake("'{key_file}'")));
    server.awaitReady();
    assertEquals(server.key(), get(server, "/environment/LLAMA_API_KEY"));
    get(server, "/say/hello");
    await("the line", () -> read(server.logFile()).contains("[key] /say/hello"));
    assertFalse(read(server.logFile()).contains(server.key()));
    long pid = pids(get(server, "/pids")).get(0);
    assertFalse(Files.readString(Path.of("/proc/" + pid + "/cmdline")).contains(server.key()));
    Path file = folder.resolve("sidecar-7.key");
    assertEquals(server.key(), Files.readString(file));
    for (Path secret : List.of(file, server.logFile())) {
      assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(secret)));
    }
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      return "";
    }
  }

  @Test
  void aServerThatNeverStartsIsGivenUpWithTheEndOfItsLog() {
    SidecarServer server = start(spec("sh -c 'echo \"no weights in $0\"; exit 3' {model} {port}"));
    InferenceException e = assertThrows(InferenceException.class, server::awaitReady);
    assertEquals(InferenceErrors.SIDECAR_FAILED, e.errorClass());
    assertTrue(e.getMessage().contains("executor 7"), e.getMessage());
    assertTrue(e.getMessage().contains("exit code 3, 3 times in a row"), e.getMessage());
    assertTrue(e.getMessage().contains("| no weights in /models/m"), e.getMessage());
  }

  @Test
  void aProgramThatIsNotThereIsGivenUpAtOnce() {
    SidecarServer server = start(spec("no-such-server --port {port}"));
    InferenceException e = assertThrows(InferenceException.class, server::awaitReady);
    assertTrue(e.getMessage().contains("there is no program 'no-such-server'"), e.getMessage());
    assertFalse(seen(SidecarState.Phase.DOWN, ""), "it was tried again");
  }

  @Test
  void oneThatCrashesIsStartedAgainAtTheSamePortWithoutItsChildren() throws Exception {
    SidecarServer server = start(spec(fake("children")));
    server.awaitReady();
    String url = server.url();
    List<Long> before = pids(get(server, "/pids"));
    assertEquals(before, running(before));
    assertThrows(IOException.class, () -> get(server, "/crash"));
    await("no restart", () -> server.state().phase() == SidecarState.Phase.READY && server.state().restarts() == 1);
    assertTrue(seen(SidecarState.Phase.DOWN, "exit code 7"), states::toString);
    assertEquals(url, server.url());
    assertEquals(List.of(), running(before));
    List<Long> after = pids(get(server, "/pids"));
    server.close();
    assertEquals(List.of(), running(after));
  }

  @Test
  void oneThatDoesNotAnswerInTimeIsEndedAndSaysWhat() throws Exception {
    SidecarServer server =
        start(spec(fake("never")).withLimits(
            Duration.ofSeconds(4), 0, Duration.ofSeconds(1), Duration.ofSeconds(60)));
    InferenceException e = assertThrows(InferenceException.class, server::awaitReady);
    assertTrue(e.getMessage().contains("did not answer within 4 s (--sidecar-startup-timeout)"), e.getMessage());
    assertTrue(e.getMessage().contains("503"), e.getMessage());
  }

  @Test
  void oneThatHangsIsStartedAgain() throws Exception {
    SidecarServer server =
        start(spec(fake("")).withLimits(Duration.ofSeconds(60), 2, Duration.ofSeconds(1), Duration.ofMillis(300)));
    server.awaitReady();
    get(server, "/hang");
    await("no restart", () -> server.state().phase() == SidecarState.Phase.READY && server.state().restarts() == 1);
    assertTrue(seen(SidecarState.Phase.DOWN, "not answered"), states::toString);
  }

  @Test
  void aPortThatSomebodyTookIsChangedAndCountsAsNoFailure() throws Exception {
    SidecarServer server =
        start(spec(fake("'taken=" + folder.resolve("first") + "'")).withLimits(
            Duration.ofSeconds(60), 0, Duration.ofSeconds(1), Duration.ofSeconds(60)));
    server.awaitReady();
    assertEquals(0, server.state().restarts());
    assertTrue(read(server.logFile()).contains("trying another"), read(server.logFile()));
  }

  @Test
  void oneThatIgnoresSigtermAndItsChildrenAreKilled() throws Exception {
    SidecarServer server = start(spec(fake("stubborn children")));
    server.awaitReady();
    List<Long> all = pids(get(server, "/pids"));
    server.close();
    assertEquals(List.of(), running(all));
    InferenceException e = assertThrows(InferenceException.class, server::awaitReady);
    assertTrue(e.getMessage().contains("closed"), e.getMessage());
  }

  @Test
  void whoeverKillsTheShellKillsTheServerToo() throws Exception {
    SidecarServer server = start(spec(fake("children")));
    server.awaitReady();
    List<Long> before = pids(get(server, "/pids"));
    ProcessHandle.of(before.get(0)).flatMap(ProcessHandle::parent).orElseThrow().destroyForcibly();
    await("no restart", () -> server.state().phase() == SidecarState.Phase.READY && server.state().restarts() == 1);
    assertEquals(List.of(), running(before));
  }

  @Test
  void nothingIsLeftOfItWhenItsParentIsKilled() throws Exception {
    nothingIsLeft(ProcessHandle::destroyForcibly);
  }

  @Test
  void nothingIsLeftOfItWhenItsParentIsTerminated() throws Exception {
    nothingIsLeft(ProcessHandle::destroy);
  }

  private void nothingIsLeft(Consumer<ProcessHandle> end) throws Exception {
    Process parent =
        new ProcessBuilder(
                JAVA, "-cp", System.getProperty("java.class.path"), Sidecar.class.getName(), fake("children stubborn"),
                "/models/m", "grace=1", "folder=" + folder)
            .redirectError(ProcessBuilder.Redirect.INHERIT).start();
    try (BufferedReader out = parent.inputReader()) {
      String line = out.readLine();
      while (line != null && !line.startsWith("ready ")) {
        line = out.readLine();
      }
      assertTrue(line != null, "the parent ended before its server was ready");
      HttpRequest request = HttpRequest.newBuilder(URI.create(line.split(" ")[1] + "/pids")).build();
      List<Long> all = pids(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
      assertEquals(all, running(all));
      List<Long> shells = new ArrayList<>(parent.descendants().map(ProcessHandle::pid).toList());
      end.accept(parent.toHandle());
      parent.waitFor();
      await("processes are left: " + running(all), () -> running(all).isEmpty());
      await("shells are left: " + running(shells), () -> running(shells).isEmpty());
    } finally {
      parent.destroyForcibly();
    }
  }
}
