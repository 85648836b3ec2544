"""The screen in browsers: a class looks on at what the teacher's terminal shows, and can do nothing to it."""
