"""What a URL says: settings, trails, regions, shapes and models, by their names."""
