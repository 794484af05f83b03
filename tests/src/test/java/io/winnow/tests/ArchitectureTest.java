// SPDX-License-Identifier: Apache-2.0
package io.winnow.tests;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.junit.jupiter.api.Assertions.assertEquals;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The arrows of ARCHITECTURE.md: who may know whom. */
class ArchitectureTest {
  /** Each package and those of ours that it may use, itself left out; a star stands for a package and all below it. */
  private static final Map<String, List<String>> ARROWS = arrows();

  private static JavaClasses classes;

  @BeforeAll
  static void read() {
    classes =
        new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests()).importPackages("io.winnow");
  }

  private static Map<String, List<String>> arrows() {
    Map<String, List<String>> arrows = new LinkedHashMap<>();
    arrows.put("kernels", List.of("kernels.internal"));
    arrows.put("kernels.internal", List.of("kernels"));
    arrows.put("inference", List.of());
    arrows.put("inference.conf", List.of("inference"));
    arrows.put("inference.checkpoint", List.of("inference"));
    arrows.put("inference.tokenizer", List.of("inference", "inference.conf", "inference.checkpoint"));
    arrows.put("inference.grammar", List.of("inference", "inference.tokenizer"));
    arrows.put("inference.model", List.of("inference", "inference.checkpoint", "kernels"));
    arrows.put(
        "inference.engine",
        List.of(
            "inference", "inference.model", "inference.tokenizer", "inference.grammar", "inference.checkpoint",
            "kernels"));
    arrows.put("inference.remote", List.of("inference", "inference.conf", "inference.checkpoint", "kernels"));
    arrows.put("inference.sidecar", List.of("inference", "inference.conf"));
    arrows.put("inference.endpoint", List.of("inference"));
    arrows.put(
        "inference.udf",
        List.of(
            "inference", "inference.conf", "inference.engine", "inference.tokenizer", "inference.grammar",
            "inference.remote", "inference.endpoint", "inference.sidecar"));
    arrows.put("jobs.trace", List.of("inference", "inference.conf"));
    arrows.put(
        "jobs.verify",
        List.of("inference", "inference.conf", "jobs.trace", "jobs.verify.math", "jobs.verify.mathverify"));
    arrows.put("jobs.verify.math", List.of("jobs.trace", "jobs.verify"));
    arrows.put("jobs.verify.mathverify", List.of("jobs.verify", "jobs.verify.math"));
    arrows.put("jobs.label", List.of("inference", "inference.grammar", "jobs.verify"));
    arrows.put("jobs.reward", List.of("inference.conf", "jobs.verify"));
    arrows.put("jobs.sampling", List.of("inference.conf", "jobs.estimate", "jobs.verify"));
    arrows.put("jobs.curate", List.of("inference.conf", "jobs.reward"));
    arrows.put("jobs.input", List.of("inference", "inference.conf", "jobs.trace"));
    arrows.put("jobs.export", List.of("inference.conf", "jobs.trace"));
    arrows.put("jobs.table", List.of());
    arrows.put("jobs.sql", List.of("jobs.verify", "jobs.reward", "jobs.estimate", "jobs.select"));
    arrows.put("jobs.recipe", List.of("inference.conf"));
    arrows.put("jobs.estimate", List.of());
    arrows.put("jobs.select", List.of());
    arrows.put("jobs.job", List.of("inference", "inference.conf", "inference.udf", "jobs.*"));
    arrows.put(
        "jobs.refine",
        List.of(
            "inference.conf", "jobs.estimate", "jobs.input", "jobs.job", "jobs.reward", "jobs.select", "jobs.table",
            "jobs.verify"));
    arrows.put("jobs.cli", List.of("inference", "inference.conf", "jobs.*"));
    arrows.put("jobs", List.of("inference", "inference.conf", "jobs.*"));
    return arrows;
  }

  private static String packageOf(String name) {
    return "io.winnow." + name;
  }

  @Test
  void everyPackageIsInTheMap() {
    TreeSet<String> packages = new TreeSet<>();
    classes.forEach(c -> packages.add(c.getPackageName().substring("io.winnow.".length())));
    assertEquals(new TreeSet<>(ARROWS.keySet()), packages);
  }

  @Test
  void packagesKnowOnlyThoseBeforeThem() {
    List<String> broken = new ArrayList<>();
    ARROWS.forEach(
        (name, allowed) -> {
          List<String> mayUse = new ArrayList<>();
          mayUse.add(packageOf(name));
          allowed.forEach(other -> mayUse.add(packageOf(other.replace(".*", ".."))));
          DescribedPredicate<JavaClass> forbidden =
              resideInAPackage("io.winnow..")
                  .and(DescribedPredicate.not(resideInAnyPackage(mayUse.toArray(String[]::new))))
                  .as("packages of ours other than " + allowed);
          var result =
              noClasses().that().resideInAPackage(packageOf(name)).should().dependOnClassesThat(forbidden)
                  .evaluate(classes);
          broken.addAll(result.getFailureReport().getDetails());
        });
    assertEquals(List.of(), broken);
  }

  @Test
  void nothingPointsBackFromTheJobToTheCommandLine() {
    noClasses().that().resideInAPackage("io.winnow.jobs.job..").should().dependOnClassesThat()
        .resideInAnyPackage("io.winnow.jobs.refine..", "io.winnow.jobs.cli..", "io.winnow.jobs").check(classes);
    noClasses().that().resideInAPackage("io.winnow.jobs.cli..").should().dependOnClassesThat()
        .resideInAPackage("io.winnow.jobs").check(classes);
  }

  @Test
  void sparkIsKnownOnlyWhereItsDataPass() {
    noClasses().that()
        .resideOutsideOfPackages(
            "io.winnow.inference.udf", "io.winnow.jobs.input", "io.winnow.jobs.table", "io.winnow.jobs.sql",
            "io.winnow.jobs.job", "io.winnow.jobs.refine", "io.winnow.jobs.cli", "io.winnow.jobs")
        .should().dependOnClassesThat().resideInAnyPackage("org.apache.spark..", "org.apache.hadoop..", "scala..")
        .check(classes);
  }

  @Test
  void deltaIsKnownOnlyToTheTablesAndArrowToTheirTwoUsers() {
    noClasses().that().resideOutsideOfPackage("io.winnow.jobs.table").should().dependOnClassesThat()
        .resideInAnyPackage("io.delta..", "org.apache.spark.sql.delta..", "org.apache.parquet..").check(classes);
    noClasses().that().resideOutsideOfPackages("io.winnow.inference.udf", "io.winnow.jobs.job").should()
        .dependOnClassesThat().resideInAPackage("org.apache.arrow..").check(classes);
  }

  @Test
  void kernelsNeedTheJdkAlone() {
    classes().that().resideInAPackage("io.winnow.kernels..").should().onlyDependOnClassesThat()
        .resideInAnyPackage("java..", "jdk..", "sun.misc..", "io.winnow.kernels..").check(classes);
  }

  @Test
  void internalsAreKnownToTheirParentAlone() {
    noClasses().that().resideOutsideOfPackage("io.winnow.kernels..").should().dependOnClassesThat()
        .resideInAPackage("io.winnow..internal..").check(classes);
  }

  @Test
  void namesSayWhatIsInside() {
    for (String word : List.of("util", "utils", "common", "helper", "helpers", "base", "misc")) {
      noClasses().should().resideInAnyPackage("io.winnow.." + word, "io.winnow.." + word + "..").check(classes);
    }
    noClasses().should().haveSimpleNameEndingWith("Util").orShould().haveSimpleNameEndingWith("Utils")
        .orShould().haveSimpleNameEndingWith("Helper").orShould().haveSimpleNameEndingWith("Manager")
        .orShould().haveSimpleNameEndingWith("Impl").check(classes);
  }

  @Test
  void everyPackageIntroducesItselfAndNoFileIsTooLong() throws IOException {
    List<String> wrong = new ArrayList<>();
    for (String module : List.of("kernels", "inference-udf", "spark-jobs", "tests")) {
      Path sources = Invocation.ROOT.resolve(module + "/src");
      try (Stream<Path> all = Files.walk(sources)) {
        for (Path file : all.filter(path -> path.toString().endsWith(".java")).toList()) {
          List<String> lines = Files.readAllLines(file);
          String name = Invocation.ROOT.relativize(file).toString();
          if (!lines.get(0).equals("// SPDX-License-Identifier: Apache-2.0")) {
            wrong.add(name + ": no licence in its first line");
          }
          if (lines.size() >= 500) {
            wrong.add(name + ": " + lines.size() + " lines");
          }
          if (name.contains("/main/") && !Files.exists(file.resolveSibling("package-info.java"))) {
            wrong.add(name + ": no package-info.java beside it");
          }
        }
      }
    }
    assertEquals(List.of(), wrong);
  }
}
