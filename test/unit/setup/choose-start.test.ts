// What `npm start` becomes on different machines.

import { describe, expect, it } from 'vitest';
import { chooseStart } from '../../../src/setup/choose-start.ts';
import { packagesFor } from '../../../src/setup/debian-packages.ts';

describe('npm start', () => {
  it('is the lab for root with everything there', () => {
    expect(chooseStart({ isRoot: true, missing: [], words: [] })).toEqual({ command: ['lab', 'up', '--follow'], say: [] });
  });

  it('is the appliance alone without root, and says what the lab would need', () => {
    const choice = chooseStart({ isRoot: false, missing: [], words: ['--config', 'my.toml'] });
    expect(choice.command).toEqual(['serve', '--config', 'my.toml']);
    expect(choice.say.join('\n')).toContain('sudo npm start');
  });

  it('is the appliance alone for root without the tools, and names the packages', () => {
    const choice = chooseStart({ isRoot: true, missing: packagesFor(['lab']), words: [] });
    expect(choice.command).toEqual(['serve']);
    expect(choice.say.join('\n')).toMatch(/apt-get install .*qemu-system-x86/);
    expect(choice.say.join('\n')).not.toContain('sudo npm start');
  });
});
