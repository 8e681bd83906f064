"""RQ: the job, the worker, the scheduler, and the managers that start them."""
