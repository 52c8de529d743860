"""`python -m flows` is `lightdeal`."""

import sys

from flows.cli import main

sys.exit(main())
