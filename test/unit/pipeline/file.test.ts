import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Type } from 'typebox';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readPipeline } from '../../../src/pipeline/file-decide.ts';
import { createPipelineFiles } from '../../../src/pipeline/files.ts';
import type { PipelineStep } from '../../../src/pipeline/index.ts';
import { createRegistry } from '../../../src/pipeline/registry.ts';

const base: Omit<PipelineStep, 'name' | 'title' | 'args'> = {
  provenOn: 'simulator',
  timeoutMs: 1000,
  describe: () => '',
  check: () => Promise.resolve({ is: 'satisfied', words: '' }),
  apply: () => Promise.resolve(),
};
const hosts: PipelineStep = { ...base, name: 'hosts', title: 'Names', args: Type.Object({}, { additionalProperties: false }) };
const zone: PipelineStep = {
  ...base,
  name: 'time-zone',
  title: 'Time zone',
  args: Type.Object({ zone: Type.String({ description: 'Its name.', default: 'Etc/UTC' }) }, { additionalProperties: false }),
};
const steps = createRegistry([hosts, zone]);
const faultsOf = (text: string) => readPipeline('mine', text, steps).faults.map(({ line, key, message }) => `${line} ${key} ${message}`);

describe('the file of a pipeline', () => {
  it('gives its entries, with the defaults of each step filled in', () => {
    const { pipeline, description, faults } = readPipeline(
      'mine',
      'description = "All of it"\n[[steps]]\nstep = "hosts"\nwhen = { cluster = true }\n[[steps]]\nstep = "time-zone"\n',
      steps,
    );
    expect(faults).toEqual([]);
    expect(description).toBe('All of it');
    expect(pipeline.entries).toEqual([
      { step: 'hosts', args: {}, when: { cluster: true } },
      { step: 'time-zone', args: { zone: 'Etc/UTC' }, when: null },
    ]);
  });

  it.each([
    ['[[steps]]\nstep = "time-zoen"\n', '2 steps[0].step there is no step "time-zoen". Did you mean "time-zone"?. Known: hosts, time-zone'],
    [
      '[[steps]]\nstep = "time-zone"\nargs = { zoen = "UTC" }\n',
      '3 steps[0].args.zoen is not known here. Did you mean "zone"?; time-zone takes zone',
    ],
    ['[[steps]]\nstep = "time-zone"\n[steps.args]\nzone = 7\n', '4 steps[0].args.zone must be string'],
    ['[[steps]]\nstep = "hosts"\nwhen = { boot_mode = "efi" }\n', '3 steps[0].when.boot_mode expected "bios" or "uefi"'],
    ['[[steps]]\nargs = {}\n', '1 steps[0].step missing; expected the name of a step'],
    ['[[steps]]\nstep = "hosts"\nif = 3\n', '3 steps[0].if unknown key; known here: step, args, when'],
    ['description = "x"\n', 'null steps expected tables, each begun by [[steps]]'],
    ['[[steps]]\nstep =\n', '2  is not TOML: the value is missing'],
  ])('names the line of what is wrong: %j', (text, fault) => {
    expect(faultsOf(text)).toEqual([fault]);
  });

  it('of the operator wins over the one that comes along, and is read anew each time', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rackseed-pipelines-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const [own, shipped] = [join(folder, 'own'), join(folder, 'shipped')];
    await mkdir(shipped);
    await writeFile(join(shipped, 'basic.toml'), '[[steps]]\nstep = "hosts"\n');
    const files = createPipelineFiles({ own, shipped }, steps);
    expect((await files.get('basic')).entries.map(({ step }) => step)).toEqual(['hosts']);
    await expect(files.get('basik')).rejects.toThrow('there is no pipeline "basik". Did you mean "basic"?');
    await mkdir(own);
    await writeFile(join(own, 'basic.toml'), '[[steps]]\nstep = "time-zone"\n');
    expect((await files.get('basic')).entries.map(({ step }) => step)).toEqual(['time-zone']);
    expect(await files.list()).toMatchObject([{ name: 'basic', isOwn: true, faults: [] }]);
    await writeFile(join(own, 'basic.toml'), '[[steps]]\nstep = "nobody"\n');
    await expect(files.get('basic')).rejects.toThrow(`${join(own, 'basic.toml')}: line 2: steps[0].step there is no step "nobody"`);
  });
});

describe('the steps there are', () => {
  it('have each their own name, and say what each argument is', () => {
    expect(() => createRegistry([hosts, hosts])).toThrow('two steps are called hosts');
    expect(() => createRegistry([{ ...hosts, args: Type.Object({ name: Type.String() }) }])).toThrow(
      'its argument name has no description',
    );
  });
});
