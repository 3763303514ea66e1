// The door of the configuration.

export type { ConfigDefaults } from './derived.ts';
export { type Environment, type EnvVariable, envVariables, OTHER_VARIABLES } from './env.ts';
export { CONFIG_ERRORS } from './errors.ts';
export { didYouMean, near } from './explain.ts';
export type { SecretRef } from './fields.ts';
export { renderExample } from './init.ts';
export { jsonSchema, type SchemaNode } from './json-schema.ts';
export { isIpv6, isLoopback, isWildcard, type Listen, parseListen } from './listen.ts';
export { type LoadedConfig, type LoadOptions, loadConfig } from './load.ts';
export { pipelineProblems } from './pipelines.ts';
export { childPointer, isTable, keyOfPointer, pointerSegments, type Segment, type Table, toPointer } from './pointer.ts';
export { formatProblem, formatProblems, type Problem, problemsOf } from './problem.ts';
export { publishSchema, SCHEMA_FILE, schemaText } from './publish.ts';
export { type AddressRange, parseRange } from './range.ts';
export type { Config } from './schema.ts';
export { type PlacedSecret, resolveSecret, type SecretSources, secretRefs } from './secret-ref.ts';
export { listSettings, type Setting } from './settings.ts';
export type { Origin } from './sources.ts';
export { readToml, type TomlFault } from './toml.ts';
export type { Place, TomlDocument } from './toml-document.ts';
export { tomlValue } from './toml-text.ts';
