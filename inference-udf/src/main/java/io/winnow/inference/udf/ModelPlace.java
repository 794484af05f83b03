// SPDX-License-Identifier: Apache-2.0
package io.winnow.inference.udf;

import io.winnow.inference.EngineSpec;
import io.winnow.inference.InferenceErrors;
import io.winnow.inference.InferenceException;
import io.winnow.inference.RemoteModel;
import io.winnow.inference.conf.ModelAddress;
import io.winnow.inference.remote.ModelCache;
import io.winnow.inference.remote.RemoteModels;
import org.apache.hadoop.conf.Configuration;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.deploy.SparkHadoopUtil;

/** From where a model lies to a path of this host. */
final class ModelPlace {
  private ModelPlace() {}

  /** As {@link EngineHost#seen}. */
  static EngineSpec seen(EngineSpec spec) {
    String address = spec.model();
    return ModelAddress.isRemote(address) ? spec.of(RemoteModels.look(files(address), address)) : spec;
  }

  /**
   * The spec with a path in place of an address, to which the model is fetched if it is not there.
   *
   * @throws InferenceException model_not_fetched
   * @throws io.winnow.inference.conf.UsageException when nobody has looked yet and the model is not there
   */
  static EngineSpec local(EngineSpec asked) {
    EngineSpec spec = asked.remote() == null ? seen(asked) : asked;
    RemoteModel model = spec.remote();
    if (model == null) {
      return spec;
    }
    return spec.at(ModelCache.ofUser(model.address()).open(model, () -> files(model.address())).toString());
  }

  /** As {@link EngineHost#differs}; the copy that differs is thrown away, so that the next try fetches it anew. */
  static InferenceException differs(EngineSpec spec, String part) {
    if (spec.remote() == null) {
      return InferenceErrors.modelDiffers(spec.model(), part);
    }
    ModelCache.ofUser(spec.model()).discard(spec.remote());
    return InferenceErrors.copyDiffers(spec.model(), part);
  }

  private static HadoopFiles files(String address) {
    return HadoopFiles.open(address, configuration());
  }

  /**
   * What Spark tells Hadoop on this host: spark.hadoop.* of the application, which executors get as well, and on YARN
   * the files of its configuration. Not what a program sets on the driver's hadoopConfiguration, since executors do not
   * get that.
   */
  private static Configuration configuration() {
    SparkEnv env = SparkEnv.get();
    return SparkHadoopUtil.get().newConfiguration(env == null ? new SparkConf() : env.conf());
  }
}
