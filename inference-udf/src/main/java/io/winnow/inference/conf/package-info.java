// SPDX-License-Identifier: Apache-2.0
/**
 * Every setting, declared once: name, type, default, check, sentence of help, and what it can change in the output.
 * The command line, the Spark configuration keys, the help and the content key of a trace are made from these
 * declarations. Entry classes: {@link io.winnow.inference.conf.GenerateSettings} and
 * {@link io.winnow.inference.conf.SettingValues}. Not here: parsing of a command line, anything that reads data.
 */
package io.winnow.inference.conf;
