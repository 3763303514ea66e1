import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const SRC = new URL('../../../src/', import.meta.url).pathname;

/** Of the whole of src: each file that could write the provision state of a node, as its text shows. */
async function writers(pattern: RegExp, except: readonly string[]): Promise<string[]> {
  const files = (await readdir(SRC, { recursive: true })).filter((name) => /\.tsx?$/.test(name) && !except.includes(name));
  const found: string[] = [];
  for (const name of files) if (pattern.test(await readFile(join(SRC, name), 'utf8'))) found.push(name);
  return found;
}

it('nobody outside this domain writes a node, but for the change of keys, which seals driver_info anew', async () => {
  const everyWriter = await writers(
    /(?:updateTable|insertInto|preparedInsert|deleteFrom|replaceInto|mergeInto)\(\s*\[?['"`]nodes['"`]|(?:update|insert into|delete from)\s+"?nodes"?\b/i,
    [],
  );
  expect(everyWriter.filter((name) => !name.startsWith('nodes/') && name !== 'store/rotate.ts')).toEqual([]);
  expect(everyWriter).toContain('nodes/move.ts');
});

it('nobody but move.ts gives the column provision_state a value', async () => {
  // The schema types it, migrations make it, and the Ironic API shows it under this name.
  const inNodes = await writers(/\bprovision_state['"]?\s*[:=](?!=)/, ['nodes/move.ts', 'nodes/list.ts', 'inspect/rules-apply.ts']);
  expect(
    inNodes.filter(
      (name) => name.startsWith('nodes/') || name.startsWith('tasks/') || name.startsWith('inspect/') || name.startsWith('store/rotate'),
    ),
  ).toEqual([]);
  // list.ts names it as a sort key, rules-apply.ts shows it to rules; neither writes.
  for (const reader of ['nodes/list.ts', 'inspect/rules-apply.ts'])
    expect(await readFile(join(SRC, reader), 'utf8')).not.toMatch(/updateTable|insertInto|deleteFrom/);
});
