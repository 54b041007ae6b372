UPDATE environment SET release_id = coalesce(doc::json -> 'current' ->> 'id', '');
