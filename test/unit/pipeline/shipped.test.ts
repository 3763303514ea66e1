// The pipelines that come along are ones that this version can run, and the answer templates beside them stay what they are.

import { join } from 'node:path';
import { expect, it } from 'vitest';
import { resource } from '../../../src/lib/index.ts';
import { createPipelineFiles, createRegistry, STEPS } from '../../../src/pipeline/index.ts';

it('are read without a fault, and say what they are for', async () => {
  const shipped = join(resource('answer-files'), 'pipelines');
  const files = await createPipelineFiles({ own: '/nowhere', shipped }, createRegistry(STEPS)).list();
  expect(files.map(({ name }) => name)).toEqual(expect.arrayContaining(['cluster-node', 'standalone']));
  expect(files.flatMap(({ name, faults }) => faults.map(({ line, message }) => `${name}:${line} ${message}`))).toEqual([]);
  for (const { description, pipeline } of files) {
    expect(description.length).toBeGreaterThan(20);
    expect(pipeline.entries.length).toBeGreaterThan(3);
  }
});
