// File and environment → the checked configuration, where each setting came from and what is worth a word; or every problem at once.

import { type Check, isReady, type Notes } from './checks/check.ts';
import { DHCP_CHECKS } from './checks/dhcp.ts';
import { DHCP6_CHECKS } from './checks/dhcp6.ts';
import { MACHINE_CHECKS } from './checks/machines.ts';
import { POOL_CHECKS } from './checks/pools.ts';
import { SERVER_CHECKS } from './checks/server.ts';
import { type ConfigDefaults, derive } from './derived.ts';
import { type Environment, overlay, readEnvironment, unknownVariables } from './env.ts';
import type { Finding } from './explain.ts';
import { fill, leaves } from './fill.ts';
import { jsonSchema } from './json-schema.ts';
import { keyOfPointer, pointerSegments, type Table } from './pointer.ts';
import { byPlace, type Problem, problemsError } from './problem.ts';
import { type ReadFile, readConfigText } from './read.ts';
import type { Config } from './schema.ts';
import { referencedVariables } from './secret-ref.ts';
import { makeSources, type Origin, type Sources } from './sources.ts';
import { readToml } from './toml.ts';
import type { TomlDocument } from './toml-document.ts';
import { validate } from './validate.ts';

export interface LoadOptions {
  /** Without a path RACKSEED_CONFIG names the file; without either there is no file, only environment and defaults. */
  readonly path?: string | undefined;
  readonly env: Environment;
  readonly defaults: ConfigDefaults;
  readonly readFile?: ReadFile;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read, if any. */
  readonly path: string | undefined;
  /** By key (dhcp.subnet[0].router): where the setting came from. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** Allowed, and still worth telling. */
  readonly warnings: readonly Problem[];
}

const CHECKS: readonly Check[] = [...SERVER_CHECKS, ...DHCP_CHECKS, ...DHCP6_CHECKS, ...MACHINE_CHECKS, ...POOL_CHECKS];
const HINT = 'Correct this, then look again with: rackseed config check';

export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const path = options.path ?? (options.env.RACKSEED_CONFIG || undefined);
  const text = path === undefined ? '' : await readConfigText(path, options.readFile);
  const read = readToml(text);
  if ('document' in read) return build({ path, document: read.document, env: options.env, defaults: options.defaults });
  const { fault } = read;
  const problem = {
    ...(path === undefined ? {} : { file: path }),
    line: fault.line,
    column: fault.column,
    key: '',
    message: `not TOML: ${fault.message}`,
  };
  throw problemsError('config.syntax', [problem, ...readEnvironment(options.env).problems], HINT);
}

interface Parts {
  readonly path: string | undefined;
  readonly document: TomlDocument;
  readonly env: Environment;
  readonly defaults: ConfigDefaults;
}

function build({ path, document, env, defaults }: Parts): LoadedConfig {
  const tree = document.value;
  const environment = readEnvironment(env);
  const sources = makeSources(path, document, overlay(tree, environment.settings));
  const findings = withInexact(validate(tree), document);
  const filled = fill(jsonSchema(), tree) as Table; // the schema's root is a table, and so is the tree
  derive(filled, defaults);
  const related = relate(filled, findings, sources);
  const problems = [
    ...findings.map((finding) => toProblem(finding, sources)),
    ...related.problems,
    ...environment.problems,
    ...unknownVariables(env, referencedVariables(tree)),
  ].sort(byPlace);
  if (problems.length > 0) throw problemsError('config.invalid', problems, HINT);
  const config = filled as Config; // validate() found nothing wrong and fill() added the rest, so it is what the schema says
  const origins = new Map(leaves(jsonSchema(), filled).map((pointer) => [keyOfPointer(pointer), sources.originOf(pointer)]));
  return { config, path, origins, warnings: [...environment.warnings, ...related.warnings].sort(byPlace) };
}

/** Whole numbers beyond 2^53 would change silently. */
function withInexact(findings: readonly Finding[], document: TomlDocument): Finding[] {
  const reported = new Set(findings.map(({ pointer }) => pointer));
  const inexact = document.inexact.filter(({ pointer }) => !reported.has(pointer));
  return [
    ...findings,
    ...inexact.map(({ pointer, written }) => ({
      pointer,
      kind: 'wrong' as const,
      message: `${written.slice(0, 40)} is too large a number; write it as a text`,
    })),
  ];
}

function toProblem({ pointer, kind, message, expected, nearest }: Finding, sources: Sources): Problem {
  const place = sources.placeOf(pointer, kind === 'wrong' ? 'value' : 'key');
  return {
    ...place,
    key: keyOfPointer(pointer),
    message,
    ...(expected === undefined ? {} : { expected }),
    ...(nearest === undefined ? {} : { nearest }),
  };
}

/** The rules between settings, on every part that is well-formed, so that one typing error hides as little as possible. */
function relate(filled: Table, findings: readonly Finding[], sources: Sources): { problems: Problem[]; warnings: Problem[] } {
  const problems: Problem[] = [];
  const warnings: Problem[] = [];
  const notes: Notes = {
    problem: (pointer, message, more = {}) =>
      problems.push({ ...sources.placeOf(pointer, 'value'), key: keyOfPointer(pointer), message, ...more }),
    warning: (pointer, message) => warnings.push({ ...sources.placeOf(pointer, 'value'), key: keyOfPointer(pointer), message }),
    isWritten: (pointer) => sources.originOf(pointer).source !== 'default',
    where: (pointer) => sources.where(pointer),
  };
  const broken = findings.filter(({ kind }) => kind !== 'unknown').map(({ pointer }) => pointerSegments(pointer));
  // isReady() lets a check run only when all that it reads has passed the schema.
  for (const check of CHECKS) if (isReady(check, broken)) check.run(filled as Config, notes);
  return { problems, warnings };
}
