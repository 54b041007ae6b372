UPDATE environment SET release_id = coalesce(json_extract(doc, '$.current.id'), '');
