-- What one release is made of, without a walk through all that any is made of.
CREATE INDEX inventory_part_sbom ON inventory_part (sbom);
