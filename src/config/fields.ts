// The kinds of field that rackseed.toml is made of. Each carries its own words: what the key is for, its default, an example.

import { type TSchemaOptions, Type } from 'typebox';

/** Where a secret is kept. The secret itself is never written into the configuration. */
export type SecretRef = { env?: string; file?: string; credential?: string };

interface Words extends TSchemaOptions {
  readonly description: string;
  /** Says in words how the default comes about, where it depends on other settings. */
  readonly 'x-default'?: string;
  /** The key that this one takes the place of: never both. */
  readonly 'x-instead'?: string;
  /** What a person should write, for messages; where type and limits do not say it already. */
  readonly 'x-expected'?: string;
}

export const closed = { additionalProperties: false } as const;

export const NAME = {
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$',
  'x-expected': 'a name of letters, digits, ".", "_" and "-" (at most 63)',
} as const;

export const text = (words: Words & { readonly default?: string; readonly pattern?: string; readonly format?: string }) =>
  Type.String({ minLength: 1, maxLength: 1024, ...words });

export const flag = (words: Words & { readonly default?: boolean }) => Type.Boolean(words);

export const whole = (words: Words & { readonly default?: number; readonly minimum: number; readonly maximum: number }) =>
  Type.Integer(words);

export const port = (words: Words & { readonly default: number }) => Type.Integer({ minimum: 0, maximum: 65_535, ...words });

export const oneOf = <const V extends string[]>(values: readonly [...V], words: Words & { readonly default?: V[number] }) =>
  Type.Enum(values, words);

export const texts = (words: Words & { readonly format?: string; readonly pattern?: string; readonly maxItems?: number }) => {
  const { format, pattern, maxItems = 64, 'x-expected': expected, ...rest } = words;
  const empty = rest['x-default'] === undefined ? { default: [] } : {};
  const item = {
    minLength: 1,
    maxLength: 1024,
    ...(format === undefined ? {} : { format }),
    ...(pattern === undefined ? {} : { pattern }),
  };
  return Type.Array(Type.String(expected === undefined ? item : { ...item, 'x-expected': expected }), { maxItems, ...empty, ...rest });
};

export const secret = (words: Words) =>
  Type.Object(
    {
      env: Type.Optional(
        Type.String({ description: 'Name of an environment variable.', pattern: '^[A-Za-z_][A-Za-z0-9_]*$', 'x-secret': true }),
      ),
      file: Type.Optional(Type.String({ description: 'Absolute path of a file.', format: 'path', 'x-secret': true })),
      credential: Type.Optional(Type.String({ description: 'Name of a systemd credential.', format: 'credential', 'x-secret': true })),
    },
    { ...closed, minProperties: 1, maxProperties: 1, 'x-secret': true, examples: [{ file: '/etc/rackseed/secret' }], ...words },
  );
