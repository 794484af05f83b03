// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import io.winnow.inference.EndpointSpec;
import io.winnow.inference.EngineHosting;
import io.winnow.inference.GenerationRequest;
import io.winnow.inference.Message;
import io.winnow.inference.ModelRuntime;
import io.winnow.inference.SamplingParams;
import io.winnow.inference.SidecarSpec;
import io.winnow.inference.udf.EngineHost;
import io.winnow.inference.udf.SidecarHost;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** A server that runs beside this process. */
@EnabledOnOs(OS.LINUX)
class SidecarConformanceTest extends ModelRuntimeConformance {
  private static final String COMMAND =
      "'" + ProcessHandle.current().info().command().orElse("java") + "' -XX:TieredStopAtLevel=1 -cp '"
          + System.getProperty("java.class.path") + "' " + FaultServerProcess.class.getName() + " {port}";

  @AfterAll
  static void stop() {
    EngineHost.closeIdle();
    SidecarHost.closeAll();
  }

  @Override
  ModelRuntime open() {
    EngineHosting hosting = new EngineHosting(null, false, true, SidecarSpec.of("m", COMMAND, "m"));
    EngineHost.Lease lease = EngineHost.acquire(EndpointSpec.of("m", List.of()), hosting);
    lease.close();
    return lease.runtime();
  }

  @Override
  GenerationRequest request(long id, String question, int[] samples, SamplingParams params) {
    return new GenerationRequest(id, List.of(Message.of("user", question)), samples, params);
  }

  @Override
  GenerationRequest bad(long id, SamplingParams params) {
    return request(id, FaultServer.TOO_LONG, new int[] {0, 1}, params);
  }
}
