-- Later versions are few: 0012's indexes over them alone find them, and the first by its id.

DROP INDEX xds_document_entry_logical;
DROP INDEX xds_folder_logical;
