// What a logical disk of a target RAID configuration may say, in words: the same for every hardware type. Data.

export const RAID_PROPERTIES: Readonly<Record<string, string>> = {
  raid_level: 'How the disks are put together: JBOD, 0, 1, 2, 5, 6, 1+0, 5+0 or 6+0. Required.',
  size_gb: 'Size in GiB as a whole number, or MAX for all the space that is left. Required.',
  volume_name: 'Name of the volume. One is made up where it is left out. Optional.',
  is_root_volume: 'Whether the operating system goes here; at most one logical disk says so. False where it is left out. Optional.',
  share_physical_disks: 'Whether other logical disks may lie on the same physical disks. False where it is left out. Optional.',
  disk_type: 'Kind of the physical disks: hdd or ssd. Any where it is left out. Optional.',
  interface_type: 'How the physical disks are attached: sata, scsi or sas. Any where it is left out. Optional.',
  number_of_physical_disks: 'How many physical disks to use. As many as the level needs where it is left out. Optional.',
  controller: 'The controller to use, as the RAID interface calls it. Optional.',
  physical_disks:
    'The physical disks to use, as the RAID interface calls them; for software RAID, hints by which they are found. Optional.',
};
