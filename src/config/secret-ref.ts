// Secrets in the configuration are references. Here they are followed, at the moment they are needed, and nowhere kept.

import { messageOf, Secret, systemCode } from '../lib/index.ts';
import type { Environment } from './env.ts';
import { fail } from './errors.ts';
import type { SecretRef } from './fields.ts';
import { jsonSchema, type SchemaNode } from './json-schema.ts';
import { childPointer, isTable, keyOfPointer } from './pointer.ts';
import { type ReadFile, readCapped } from './read.ts';

/** A key or a certificate fits many times; a larger file is a wrong one. */
export const MAX_SECRET_BYTES = 64 * 1024;

export interface SecretSources {
  readonly env: Environment;
  readonly readFile?: ReadFile;
}

/** Follows a reference. Throws config.secret_unavailable; the message names the place, never the content. */
export async function resolveSecret(ref: SecretRef, sources: SecretSources): Promise<Secret> {
  if (ref.env !== undefined) return fromEnv(ref.env, sources.env);
  if (ref.file !== undefined) return fromFile(ref.file, `file ${ref.file}`, sources);
  if (ref.credential !== undefined) return fromCredential(ref.credential, sources);
  throw unavailable('a secret has an empty reference', 'Write { env = "NAME" }, { file = "/path" } or { credential = "name" }.');
}

function fromEnv(name: string, env: Environment): Secret {
  const text = env[name];
  if (text === undefined || text === '')
    throw unavailable(
      `the environment variable ${name} is ${text === undefined ? 'not set' : 'empty'}`,
      `Set ${name} where the service is started.`,
    );
  return new Secret(text);
}

async function fromCredential(name: string, sources: SecretSources): Promise<Secret> {
  const folder = sources.env.CREDENTIALS_DIRECTORY;
  if (folder === undefined || folder === '')
    throw unavailable(
      `the credential ${name} cannot be read: not started by systemd with credentials`,
      `Add LoadCredential=${name}:/path to the unit, or use { file = "/path" }.`,
    );
  // The schema allows no "/" in the name, but a reference may come from elsewhere.
  if (!/^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(name))
    throw unavailable(`${JSON.stringify(name)} is no name of a credential`, 'Use letters, digits, ".", "_" and "-".');
  return fromFile(`${folder}/${name}`, `credential ${name}`, sources);
}

async function fromFile(
  path: string,
  what: string,
  { readFile = (name) => readCapped(name, MAX_SECRET_BYTES) }: SecretSources,
): Promise<Secret> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    throw unavailable(
      `the ${what} cannot be read: ${systemCode(cause) ?? messageOf(cause)}`,
      `Look at its owner and mode: ls -l ${path}`,
      cause,
    );
  });
  if (bytes.length > MAX_SECRET_BYTES)
    throw unavailable(`the ${what} is larger than ${MAX_SECRET_BYTES / 1024} KiB`, 'Name the file that holds only the secret.');
  // Editors and echo end a file with a line end that nobody means to be part of the secret.
  const text = new TextDecoder().decode(bytes).replace(/\r?\n$/, '');
  if (text === '') throw unavailable(`the ${what} is empty`, 'Write the secret into it.');
  return new Secret(text);
}

function unavailable(message: string, hint: string, cause?: unknown): Error {
  return fail('config.secret_unavailable', { message, hint, ...(cause === undefined ? {} : { cause }) });
}

export interface PlacedSecret {
  readonly key: string;
  readonly ref: SecretRef;
}

/** Every reference in a configuration, so that `config check` can try them all. */
export function secretRefs(config: unknown): PlacedSecret[] {
  return collect(jsonSchema(), config, '');
}

/** Names of environment variables that references point to: they may begin with RACKSEED_ and are not settings. */
export function referencedVariables(tree: unknown): Set<string> {
  return new Set(secretRefs(tree).flatMap(({ ref }) => (typeof ref.env === 'string' ? [ref.env] : [])));
}

function collect(node: SchemaNode, value: unknown, pointer: string): PlacedSecret[] {
  if (Array.isArray(value)) return value.flatMap((item: unknown, index) => collect(node.items ?? {}, item, childPointer(pointer, index)));
  if (!isTable(value)) return [];
  if (node['x-secret'] === true) return [{ key: keyOfPointer(pointer), ref: value }];
  return Object.entries(node.properties ?? {}).flatMap(([key, child]) =>
    Object.hasOwn(value, key) ? collect(child, value[key], childPointer(pointer, key)) : [],
  );
}
