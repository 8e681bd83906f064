"""The processes that run jobs: workers, cold and warm, what they load first, and which code they have."""
