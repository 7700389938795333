import { type Schema, that } from "../core/schema.js";
import { Module } from "./module.js";

export const moduleSchema: Schema<Module> = that("a Module, such as resnet(18)", (x) => x instanceof Module);
