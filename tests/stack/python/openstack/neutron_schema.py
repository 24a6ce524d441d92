"""neutron_schema.py URL: creates Neutron's tables from its models.

Its migrations do not run on SQLite, which cannot alter constraints.
"""
import sys

import sqlalchemy
from neutron.db.migration.models import head

engine = sqlalchemy.create_engine(sys.argv[1])
head.get_metadata().create_all(engine)
