#!/usr/bin/env node
/** The map: which command exists and which file it loads. No logic. */
import { run } from "./commands/program.js";

await run({});
