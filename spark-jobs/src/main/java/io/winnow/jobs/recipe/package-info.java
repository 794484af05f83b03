// SPDX-License-Identifier: Apache-2.0
/**
 * Recipes: a YAML file of steps, each a command with its options. {@link io.winnow.jobs.recipe.Recipe} reads and checks
 * one by the declarations of the commands' settings, {@link io.winnow.jobs.recipe.RecipePlan} binds parameters and puts
 * the steps in order, {@link io.winnow.jobs.recipe.RecipeRecord} remembers what was done, {@link
 * io.winnow.jobs.recipe.RecipeSchema} describes it all to editors. Every mistake is told with its file, line, column
 * and step before anything runs. Not here: Spark, file systems, the running of steps.
 */
package io.winnow.jobs.recipe;
