// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.winnow.inference.EndpointSpec;

/** The fields of requests to a server that calls its model otherwise than the user does. */
final class SidecarFields {
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final String MODEL = "model";

  private SidecarFields() {}

  /**
   * The further fields of a spec, with the server's own name for the model; what the user says of it stays.
   *
   * @return null for none
   */
  static String named(EndpointSpec spec, String servedName) {
    if (servedName.equals(spec.name())) {
      return spec.extraBody();
    }
    try {
      ObjectNode fields =
          spec.extraBody() == null ? JSON.createObjectNode() : (ObjectNode) JSON.readTree(spec.extraBody());
      if (!fields.has(MODEL)) {
        fields.put(MODEL, servedName);
      }
      return JSON.writeValueAsString(fields);
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException("Not a JSON object: " + e.getOriginalMessage(), e);
    }
  }
}
