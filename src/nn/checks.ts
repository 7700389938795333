import { type Schema, that } from "../core/schema.js";
import { Module } from "./module.js";

/** What the functions that take a network want. */
export const moduleSchema: Schema<Module> = that("a Module, such as resnet(18) makes", (x) => x instanceof Module);
