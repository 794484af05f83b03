// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.sidecar;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Asks a server whether it is ready, and what it calls its models. Used by one thread. */
final class Health {
  private static final HttpClient CLIENT =
      HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).connectTimeout(Duration.ofSeconds(2)).build();
  private static final Pattern ID = Pattern.compile("\"id\"\\s*:\\s*\"((?:[^\"\\\\]|\\\\.)*)\"");
  private static final int OK = 200;

  private final String url;
  private final String path;
  private final String key;
  private String lastFault = "nothing";

  Health(String url, String path, String key) {
    this.url = url;
    this.path = path;
    this.key = key;
  }

  /** Whether it answers 200 within that time. */
  boolean answers(Duration timeout) throws InterruptedException {
    try {
      int status = get(path, timeout).statusCode();
      lastFault = "status " + status + " at " + path;
      return status == OK;
    } catch (IOException e) {
      String why = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
      lastFault = "no answer at " + url + path + " (" + why + ")";
      return false;
    }
  }

  /** What the last answer was that was not 200. */
  String lastFault() {
    return lastFault;
  }

  /** The name if the server lists it, else the first that it lists, else the name. */
  String servedName(String wanted) throws InterruptedException {
    List<String> ids = new ArrayList<>();
    try {
      HttpResponse<String> models = get("/v1/models", Duration.ofSeconds(10));
      if (models.statusCode() == OK) {
        Matcher matcher = ID.matcher(models.body());
        while (matcher.find()) {
          // Names with an escape are left alone: a server that was given such a name lists it first.
          ids.add(matcher.group(1).replace("\\/", "/"));
        }
      }
    } catch (IOException e) {
      lastFault = "no answer at " + url + "/v1/models (" + e.getMessage() + ")";
    }
    return ids.isEmpty() || ids.contains(wanted) ? wanted : ids.get(0);
  }

  private HttpResponse<String> get(String where, Duration timeout) throws IOException, InterruptedException {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(url + where)).timeout(timeout).header("Authorization", "Bearer " + key)
            .GET().build();
    return CLIENT.send(request, HttpResponse.BodyHandlers.ofString());
  }
}
