import { Type } from 'typebox';
import { describe, expect, it } from 'vitest';
import type { PipelineStep } from '../../../src/pipeline/index.ts';
import { provesIdempotence, stepWorld } from '../../support/pipeline.ts';

interface Args {
  readonly zone: string;
}

const zone: PipelineStep<Args> = {
  name: 'zone',
  title: 'Time zone',
  provenOn: 'simulator',
  args: Type.Object({ zone: Type.String({ description: 'Its name.', default: 'Etc/UTC' }) }, { additionalProperties: false }),
  timeoutMs: 1000,
  describe: (args) => `the time zone is ${args.zone}`,
  check: async ({ shell, args }) => {
    const is = (await shell.must(['timedatectl', 'show', '-P', 'Timezone'])).trim();
    const file = await shell.readFile('/etc/timezone');
    if (is === args.zone && file?.toString() === args.zone) return { is: 'satisfied', words: is };
    return { is: 'needed', plan: [`time zone ${is} becomes ${args.zone}`] };
  },
  apply: async ({ shell, args }) => {
    await shell.writeFile('/etc/timezone', args.zone);
    await shell.must(['timedatectl', 'set-timezone', args.zone]);
  },
};

const world = () =>
  stepWorld({
    machine: {
      state: { zone: 'Etc/GMT' },
      rules: [
        { when: ['timedatectl', 'show'], answer: (_, { state }) => `${String(state.zone)}\n` },
        {
          when: ['timedatectl', 'set-timezone'],
          answer: ([, , name], { state }) => {
            state.zone = name;
            return '';
          },
        },
      ],
    },
  });

describe('the proof that a step may be repeated and cut off', () => {
  it('is given for a step that keeps the rules, at every cut', async () => {
    expect(await provesIdempotence(zone, {}, world)).toEqual({
      first: { is: 'needed', plan: ['time zone Etc/GMT becomes Etc/UTC'] },
      cuts: 2,
    });
  });

  it('fails for a check that changes something', async () => {
    const changing = { ...zone, check: (context: Parameters<typeof zone.check>[0]) => zone.apply(context).then(() => zone.check(context)) };
    await expect(provesIdempotence(changing, {}, world)).rejects.toThrow('check changed something');
  });

  it('fails for a step that another run does twice', async () => {
    const apply: typeof zone.apply = async (context) => {
      const log = (await context.shell.readFile('/var/log/zone'))?.toString() ?? '';
      await context.shell.writeFile('/var/log/zone', `${log}again\n`);
      await zone.apply(context);
    };
    await expect(provesIdempotence({ ...zone, apply }, {}, world)).rejects.toThrow('applied twice it leaves');
  });

  it('fails where a cut leaves what check takes for done', async () => {
    const check: typeof zone.check = async ({ shell, args }) =>
      (await shell.readFile('/etc/timezone'))?.toString() === args.zone
        ? { is: 'satisfied', words: 'it is' }
        : { is: 'needed', plan: ['set it'] };
    await expect(provesIdempotence({ ...zone, check }, {}, world)).rejects.toThrow('cut off after 1 of what apply asks, it ends with');
  });

  it('fails where it was not told what a command answers', async () => {
    await expect(provesIdempotence(zone, {}, () => stepWorld())).rejects.toThrow('the test tells nobody what ["timedatectl"');
  });

  it('refuses arguments that the schema refuses', () => {
    expect(() => world().context(zone, { zoen: 'Etc/UTC' })).toThrow('arguments of zone');
  });
});
