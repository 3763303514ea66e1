#!/usr/bin/env node
// What people run: the command line of main.ts, begun in JavaScript. Begun in TypeScript, every start would load Node's TypeScript parser
// for that one file, before the compile cache can spare it (80 ms and 18 MB).

import { homedir } from 'node:os';
import { cacheCompiledCode } from './compile-cache.js';

cacheCompiledCode(process.env, homedir());
await import('./main.ts');
