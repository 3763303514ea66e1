// The generated file that editors read. A test fails when it differs from the schema; publishSchema() writes it anew.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonSchema } from './json-schema.ts';

export const SCHEMA_FILE = 'docs/reference/rackseed.schema.json';

export function schemaText(): string {
  return `${JSON.stringify(jsonSchema(), null, 2)}\n`;
}

/** Writes docs/reference/rackseed.schema.json under the root of the repository. */
export async function publishSchema(root: string): Promise<void> {
  await writeFile(join(root, SCHEMA_FILE), schemaText());
}
